#include "toolchain/tlm/word_saliency.h"

#include <algorithm>
#include <utility>

#include "toolchain/eval/row_batch.h"
#include "toolchain/eval/task_request.h"
#include "toolchain/model/token_loss.h"

namespace elm {
namespace {

using torch::Tensor;

// Tasks on their way through the LLM together, their options as branches behind the prompts.
struct TaskBatch {
  RowBatch rows;
  std::vector<std::vector<uint32_t>> words;  // [tasks][prompt tokens], as WordsOfTokens()
  std::vector<std::vector<size_t>> lengths;  // [tasks][options] in tokens
  std::vector<size_t> answers;               // [tasks] index of the right option
  std::vector<size_t> word_counts;           // [tasks]
};

TaskBatch MakeTaskBatch(const PromptReading& reader, std::span<const Task> tasks, AnswerLoss loss) {
  std::vector<RequestRow> rows;
  TaskBatch batch{RowBatch({}), {}, {}, {}, {}};
  for (const Task& task : tasks) {
    ScoringRequest request = MakeScoringRequest(task, reader.encode, reader.bos);
    request.greedy = false;
    size_t answer = task.multiple_choice() ? AnswerIndex(task) : 0;
    if (loss == AnswerLoss::kAnswer) {
      request.continuations = {request.continuations[answer]};
      answer = 0;
    }
    batch.words.push_back(WordsOfTokens(task, request.prompt, reader.piece));
    batch.word_counts.push_back(CountContextWords(task));
    batch.answers.push_back(answer);
    batch.lengths.emplace_back();
    for (const auto& option : request.continuations) batch.lengths.back().push_back(option.size());
    rows.push_back(MakeRequestRow(request));
  }
  batch.rows = RowBatch(std::move(rows));
  return batch;
}

// The loss of each task, float32 [tasks], from the losses of all predictions in their order.
Tensor TaskLosses(const TaskBatch& batch, const Tensor& token_losses, AnswerLoss loss) {
  std::vector<Tensor> losses;
  int64_t next = 0;
  for (size_t task = 0; task < batch.lengths.size(); ++task) {
    std::vector<Tensor> options;
    for (const size_t length : batch.lengths[task]) {
      options.push_back(token_losses.slice(0, next, next + static_cast<int64_t>(length)).mean());
      next += static_cast<int64_t>(length);
    }
    const auto answer = static_cast<int64_t>(batch.answers[task]);
    const Tensor means = torch::stack(options);
    const bool choice = loss == AnswerLoss::kChoice && options.size() > 1;
    losses.push_back(choice ? -torch::log_softmax(-means, 0)[answer] : means[answer]);
  }
  return torch::stack(losses);
}

// Gates of value `at` on all words: a leaf [all words of all tasks], and the place in it of every
// token of [rows * longest]; tokens of no word have the last place, which is no word's.
struct Gates {
  Tensor leaf;    // float32 [words]
  Tensor tokens;  // float32 [rows, longest]: a word's gate, 1 elsewhere
};

Gates MakeGates(const TaskBatch& batch, double at, torch::Device device) {
  int64_t words = 0;
  for (const size_t count : batch.word_counts) words += static_cast<int64_t>(count);
  std::vector<int64_t> places(batch.words.size() * batch.rows.longest(), words);
  int64_t first = 0;
  for (size_t row = 0; row < batch.words.size(); ++row) {
    for (size_t token = 0; token < batch.words[row].size(); ++token) {
      if (batch.words[row][token] == kNoWord) continue;
      places[row * batch.rows.longest() + token] = first + batch.words[row][token];
    }
    first += static_cast<int64_t>(batch.word_counts[row]);
  }
  Gates gates;
  gates.leaf = torch::full({words}, at, torch::kFloat32).to(device).requires_grad_();
  const Tensor padded = torch::cat({gates.leaf, torch::ones({1}, gates.leaf.options())});
  gates.tokens = padded.index_select(0, torch::tensor(places, torch::kInt64).to(device))
                     .view({static_cast<int64_t>(batch.words.size()),
                            static_cast<int64_t>(batch.rows.longest())});
  return gates;
}

Tensor TokenLosses(const Llama& model, const TaskBatch& batch, const Tensor& stream,
                   const ForwardOptions& pass) {
  const Tensor hidden =
      model.FinalNorm(model.RunLayers(stream, 0, model.layers.size(), pass)).flatten(0, 1);
  const auto [places, targets] = batch.rows.AllPredictions(model.device());
  return TokenLoss(hidden.index_select(0, places), model.head, targets);
}

// -dL/dg of every word of the batch with all gates at `at`, float32 [all words].
Tensor GateGradient(const Llama& model, const TaskBatch& batch, const SaliencyOptions& options,
                    double at, ForwardOptions pass) {
  const torch::AutoGradMode with_gradients(true);
  const TokenTree tree = batch.rows.Tree(model.device());
  pass.tree = &tree;
  const Gates gates = MakeGates(batch, at, model.device());
  Tensor stream = model.Embed(batch.rows.Ids().to(model.device()));
  if (options.gate == WordGate::kEmbedding) {
    stream = stream * gates.tokens.unsqueeze(-1).to(stream.scalar_type());
  } else {
    pass.key_bias = gates.tokens.log();
  }
  const Tensor losses = TaskLosses(batch, TokenLosses(model, batch, stream, pass), options.loss);
  return -torch::autograd::grad({losses.sum()}, {gates.leaf}).front().detach();
}

template <typename Body>
void ForBatches(size_t count, size_t batch, const Body& body) {
  for (size_t begin = 0; begin < count; begin += batch) {
    body(begin, std::min(count, begin + batch));
  }
}

std::vector<float> ToVector(const Tensor& values) {
  const Tensor flat = values.to(torch::kFloat32).cpu().contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

}  // namespace

std::vector<std::vector<float>> WordSaliency(const Llama& model, const PromptReading& reader,
                                             std::span<const Task> tasks,
                                             const SaliencyOptions& options,
                                             const ForwardOptions& pass) {
  TORCH_CHECK(!options.path.empty() && options.batch > 0, "a path has points, a batch tasks");
  std::vector<std::vector<float>> saliency;
  ForBatches(tasks.size(), options.batch, [&](size_t begin, size_t end) {
    const TaskBatch batch = MakeTaskBatch(reader, tasks.subspan(begin, end - begin), options.loss);
    Tensor sum;
    for (const double at : options.path) {
      const Tensor gradient = GateGradient(model, batch, options, at, pass);
      sum = sum.defined() ? sum + gradient : gradient;
    }
    const std::vector<float> all = ToVector(sum / static_cast<double>(options.path.size()));
    auto next = all.begin();
    for (const size_t words : batch.word_counts) {
      saliency.emplace_back(next, next + static_cast<ptrdiff_t>(words));
      next += static_cast<ptrdiff_t>(words);
    }
  });
  return saliency;
}

std::vector<double> AnswerLosses(const Llama& model, const PromptReading& reader,
                                 std::span<const Task> tasks, AnswerLoss loss, size_t batch,
                                 const ForwardOptions& pass) {
  const torch::NoGradGuard no_grad;
  std::vector<double> losses;
  ForBatches(tasks.size(), batch, [&](size_t begin, size_t end) {
    const TaskBatch some = MakeTaskBatch(reader, tasks.subspan(begin, end - begin), loss);
    const TokenTree tree = some.rows.Tree(model.device());
    ForwardOptions with_tree = pass;
    with_tree.tree = &tree;
    const Tensor stream = model.Embed(some.rows.Ids().to(model.device()));
    const std::vector<float> values =
        ToVector(TaskLosses(some, TokenLosses(model, some, stream, with_tree), loss));
    losses.insert(losses.end(), values.begin(), values.end());
  });
  return losses;
}

std::vector<float> ExactSaliency(const Llama& model, const PromptReading& reader, const Task& task,
                                 AnswerLoss loss, size_t batch) {
  const size_t words = CountContextWords(task);
  std::vector<Task> tasks = {task};
  for (size_t word = 0; word < words; ++word) {
    std::vector<uint8_t> kept(words, 1);
    kept[word] = 0;
    tasks.push_back(KeepContextWords(task, kept));
  }
  const std::vector<double> losses = AnswerLosses(model, reader, tasks, loss, batch);
  std::vector<float> saliency(words);
  for (size_t word = 0; word < words; ++word) {
    saliency[word] = static_cast<float>(losses[word + 1] - losses[0]);
  }
  return saliency;
}

std::vector<std::vector<float>> WordSurprise(const Llama& model, const PromptReading& reader,
                                             std::span<const Task> tasks, size_t batch) {
  const torch::NoGradGuard no_grad;
  std::vector<std::vector<float>> surprise;
  ForBatches(tasks.size(), batch, [&](size_t begin, size_t end) {
    std::vector<RequestRow> rows;
    std::vector<std::vector<uint32_t>> words;
    for (const Task& task : tasks.subspan(begin, end - begin)) {
      const ScoringRequest request = MakeScoringRequest(task, reader.encode, reader.bos);
      RequestRow row = MakeRequestRow({request.prompt, {}, false});
      for (size_t i = 1; i < request.prompt.size(); ++i) {
        row.predictions.push_back({static_cast<int64_t>(i) - 1, request.prompt[i]});
      }
      rows.push_back(std::move(row));
      words.push_back(WordsOfTokens(task, request.prompt, reader.piece));
    }
    const RowBatch row_batch(std::move(rows));
    const TokenTree tree = row_batch.Tree(model.device());
    const Tensor hidden =
        model.Hidden(row_batch.Ids().to(model.device()), {.tree = &tree}).flatten(0, 1);
    const auto [places, targets] = row_batch.AllPredictions(model.device());
    const std::vector<float> losses =
        ToVector(TokenLoss(hidden.index_select(0, places), model.head, targets));
    auto next = losses.begin();
    for (size_t row = 0; row < words.size(); ++row) {
      std::vector<float> sums(CountContextWords(tasks[begin + row]), 0);
      for (size_t token = 1; token < words[row].size(); ++token, ++next) {
        if (words[row][token] != kNoWord) sums[words[row][token]] += *next;
      }
      surprise.push_back(std::move(sums));
    }
  });
  return surprise;
}

}  // namespace elm
