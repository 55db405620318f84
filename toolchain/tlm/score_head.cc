#include "toolchain/tlm/score_head.h"

#include <algorithm>

#include "datasets/pocket/random.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using torch::Tensor;

bool Learns(const TlmTensorSpec& spec, bool freeze_shared) {
  if (spec.branch == TlmBranch::kDecision) return false;
  return spec.branch == TlmBranch::kScore || !freeze_shared;
}

// Batches of similar length: examples are shuffled, sorted by length within runs of many batches,
// and the batches of a run shuffled again.
std::vector<std::vector<const ScoreExample*>> MakeBatches(std::span<const ScoreExample> examples,
                                                          uint32_t batch_tokens,
                                                          pocket::Random& random) {
  constexpr size_t kRun = 512;
  std::vector<const ScoreExample*> order;
  for (const ScoreExample& example : examples) order.push_back(&example);
  random.Shuffle(order);
  std::vector<std::vector<const ScoreExample*>> batches;
  for (size_t begin = 0; begin < order.size(); begin += kRun) {
    const auto first = order.begin() + static_cast<ptrdiff_t>(begin);
    const auto last = order.begin() + static_cast<ptrdiff_t>(std::min(order.size(), begin + kRun));
    std::sort(first, last, [](const ScoreExample* a, const ScoreExample* b) {
      return a->window.ids.size() < b->window.ids.size();
    });
    batches.emplace_back();
    for (auto next = first; next != last; ++next) {
      const size_t length = (*next)->window.ids.size();  // the longest so far
      if (!batches.back().empty() && (batches.back().size() + 1) * length > batch_tokens) {
        batches.emplace_back();
      }
      batches.back().push_back(*next);
    }
  }
  random.Shuffle(batches);
  return batches;
}

TlmBatch BatchOf(std::span<const ScoreExample* const> examples) {
  std::vector<const TlmWindow*> windows;
  for (const ScoreExample* example : examples) windows.push_back(&example->window);
  return MakeTlmBatch(windows);
}

}  // namespace

Tensor ScoreLoss(const TorchTlm& model, std::span<const ScoreExample* const> examples) {
  const TlmBatch batch = BatchOf(examples);
  const int64_t longest = batch.ids.size(1);
  std::vector<int64_t> places;
  std::vector<float> targets;
  for (size_t row = 0; row < examples.size(); ++row) {
    for (size_t i = 0; i < examples[row]->targets.size(); ++i) {
      places.push_back(static_cast<int64_t>(row) * longest + examples[row]->window.header +
                       static_cast<int64_t>(i));
      targets.push_back(examples[row]->targets[i]);
    }
  }
  const Tensor logits =
      model.ScoreLogits(batch).flatten().index_select(0, torch::tensor(places, torch::kInt64));
  return torch::binary_cross_entropy_with_logits(logits, torch::tensor(targets));
}

void TrainScoreHead(TorchTlm& model, std::span<const ScoreExample> examples,
                    const ScoreTrainingOptions& options, const TrainingHooks& hooks) {
  if (examples.empty())
    throw Error(InvalidArgument("the score-head has no examples to learn from"));
  TlmOptimizer optimizer(
      model, [&](const TlmTensorSpec& spec) { return Learns(spec, options.freeze_shared); },
      options.training);
  pocket::Random random(options.seed);
  std::vector<std::vector<const ScoreExample*>> batches;
  size_t next = 0;
  if (hooks.resume) hooks.resume(optimizer);
  const uint64_t resumed = optimizer.updates();
  if (resumed == options.training.updates) return;
  for (uint64_t update = 0; update < options.training.updates; ++update) {
    if (next == batches.size()) {
      batches = MakeBatches(examples, options.batch_tokens, random);
      next = 0;
    }
    const auto& batch = batches[next++];
    if (update < resumed) continue;  // an earlier sitting has learnt from it
    optimizer.Step(ScoreLoss(model, batch), "score-head");
    optimizer.Tell(hooks);
  }
}

std::vector<std::vector<float>> ScoreWords(const TorchTlm& model, const TlmSettings& settings,
                                           const WordPieceTokenizer& tokenizer,
                                           std::span<const Task> tasks, size_t batch) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> contexts;
  std::vector<TlmInput> inputs;
  for (const Task& task : tasks) contexts.push_back(TlmContext(task));
  for (size_t i = 0; i < tasks.size(); ++i) {
    inputs.push_back(
        MakeTlmInput(settings, tokenizer, {.question = tasks[i].question, .context = contexts[i]}));
  }
  struct Place {
    const TlmWindow* window;
    size_t task;
  };
  std::vector<Place> windows;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (const TlmWindow& window : inputs[i].windows) windows.push_back({&window, i});
  }
  std::sort(windows.begin(), windows.end(), [](const Place& a, const Place& b) {
    return a.window->ids.size() < b.window->ids.size();
  });
  std::vector<std::vector<float>> sums(inputs.size());
  std::vector<std::vector<float>> counts(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    sums[i].resize(inputs[i].context.ids.size());
    counts[i].resize(inputs[i].context.ids.size());
  }
  for (size_t begin = 0; begin < windows.size(); begin += batch) {
    const size_t end = std::min(windows.size(), begin + batch);
    std::vector<const TlmWindow*> some;
    for (size_t i = begin; i < end; ++i) some.push_back(windows[i].window);
    const Tensor retain = torch::sigmoid(model.ScoreLogits(MakeTlmBatch(some))).contiguous();
    for (size_t i = begin; i < end; ++i) {
      const TlmWindow& window = *windows[i].window;
      const float* row =
          retain.data_ptr<float>() + static_cast<int64_t>(i - begin) * retain.size(1);
      for (size_t p = window.header; p < window.ids.size(); ++p) {
        const size_t piece = window.first_piece + p - window.header;
        sums[windows[i].task][piece] += row[p];
        counts[windows[i].task][piece] += 1;
      }
    }
  }
  std::vector<std::vector<float>> scores;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t piece = 0; piece < sums[i].size(); ++piece) {
      if (counts[i][piece] > 0) sums[i][piece] /= counts[i][piece];
    }
    scores.push_back(MeanOverPieces(WordSpans(contexts[i]), inputs[i].context.spans, sums[i]));
  }
  return scores;
}

}  // namespace elm
