#include "toolchain/eval/torch_engine.h"

#include <algorithm>
#include <utility>

#include "formats/base/checked_math.h"
#include "toolchain/eval/row_batch.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/token_loss.h"

namespace elm {
namespace {

// Rows of hidden states that become logits at once where the most probable token is asked for.
constexpr int64_t kLogitRows = 64;

// Log-probabilities of all predictions of a batch, row by row. hidden [rows * longest, width].
std::vector<double> LogProbabilities(const Llama& model, const RowBatch& batch,
                                     const torch::Tensor& hidden) {
  const auto [places, targets] = batch.AllPredictions(model.device());
  if (places.numel() == 0) return {};
  const torch::Tensor losses =
      TokenLoss(hidden.index_select(0, places), model.head, targets).to(torch::kFloat64).cpu();
  const double* begin = losses.data_ptr<double>();
  std::vector<double> values(begin, begin + losses.numel());
  for (double& value : values) value = -value;
  return values;
}

// Most probable tokens at all greedy places of a batch, row by row.
std::vector<uint32_t> GreedyTokens(const Llama& model, const RowBatch& batch,
                                   const torch::Tensor& hidden) {
  std::vector<int64_t> places;
  for (size_t row = 0; row < batch.rows().size(); ++row) {
    for (const int64_t place : batch.rows()[row].greedy_places) {
      places.push_back(batch.Flat(row, place));
    }
  }
  std::vector<uint32_t> tokens;
  if (places.empty()) return tokens;
  const torch::Tensor selected =
      hidden.index_select(0, torch::tensor(places, torch::kInt64).to(model.device()));
  for (const torch::Tensor& rows : selected.split(kLogitRows)) {
    const torch::Tensor best = torch::linear(rows, model.head).to(torch::kFloat32).argmax(-1).cpu();
    const int64_t* begin = best.data_ptr<int64_t>();
    tokens.insert(tokens.end(), begin, begin + best.numel());
  }
  return tokens;
}

// Takes the next `count` values of a list that was made continuation by continuation.
template <typename T>
std::vector<T> Take(const std::vector<T>& values, size_t count, size_t& next) {
  const auto begin = values.begin() + static_cast<ptrdiff_t>(next);
  next += count;
  return {begin, begin + static_cast<ptrdiff_t>(count)};
}

// Gates only what follows the prompt of each row.
class GatesBehindPrompts : public UnitGating {
 public:
  // `prompts` [batch]: tokens.
  GatesBehindPrompts(const UnitGating& gating, std::vector<int64_t> prompts)
      : gating_(gating), prompts_(std::move(prompts)) {}

  torch::Tensor Heads(size_t layer, const torch::Tensor& input,
                      const torch::Tensor& outputs) const override {
    return OpenPrompts(gating_.Heads(layer, input, outputs));
  }
  torch::Tensor Neurons(size_t layer, const torch::Tensor& input,
                        const torch::Tensor& outputs) const override {
    return OpenPrompts(gating_.Neurons(layer, input, outputs));
  }

 private:
  torch::Tensor OpenPrompts(torch::Tensor gates) const {
    gates = gates.clone();
    for (size_t row = 0; row < prompts_.size(); ++row) {
      gates.select(0, static_cast<int64_t>(row)).narrow(0, 0, prompts_[row]).fill_(1);
    }
    return gates;
  }

  const UnitGating& gating_;
  const std::vector<int64_t> prompts_;
};

// `chosen` holds indices of `requests`; their scores are put at the same indices of `scores`.
void ScoreBatch(const Llama& model, ForwardOptions pass, bool gates_prompts,
                std::span<const ScoringRequest> requests, std::span<const size_t> chosen,
                std::vector<RequestScore>& scores) {
  std::vector<RequestRow> rows;
  std::vector<int64_t> prompts;
  for (const size_t index : chosen) {
    rows.push_back(MakeRequestRow(requests[index]));
    prompts.push_back(static_cast<int64_t>(requests[index].prompt.size()));
  }
  std::optional<GatesBehindPrompts> behind;
  if (pass.gating != nullptr && !gates_prompts) {
    behind.emplace(*pass.gating, std::move(prompts));
    pass.gating = &*behind;
  }
  const RowBatch batch(std::move(rows));
  const TokenTree tree = batch.Tree(model.device());
  pass.tree = &tree;
  const torch::Tensor hidden = model.Hidden(batch.Ids().to(model.device()), pass).flatten(0, 1);
  const std::vector<double> log_probabilities = LogProbabilities(model, batch, hidden);
  const std::vector<uint32_t> greedy = GreedyTokens(model, batch, hidden);

  size_t next_log_probability = 0;
  size_t next_greedy = 0;
  for (const size_t index : chosen) {
    for (const auto& ids : requests[index].continuations) {
      const size_t greedy_tokens = requests[index].greedy ? ids.size() + 1 : 0;
      scores[index].push_back({Take(log_probabilities, ids.size(), next_log_probability),
                               Take(greedy, greedy_tokens, next_greedy)});
    }
  }
}

std::vector<LevelExtras> WithAdapters(std::vector<std::optional<LoraAdapter>> adapters) {
  std::vector<LevelExtras> extras;
  for (std::optional<LoraAdapter>& adapter : adapters) {
    extras.push_back({.adapter = std::move(adapter)});
  }
  return extras;
}

}  // namespace

TorchEngine::TorchEngine(Llama model, LevelTable levels, size_t batch, size_t threads,
                         std::vector<std::optional<LoraAdapter>> adapters)
    : TorchEngine(std::move(model), std::move(levels), batch, threads,
                  WithAdapters(std::move(adapters))) {}

TorchEngine::TorchEngine(Llama model, LevelTable levels, size_t batch, size_t threads,
                         std::vector<LevelExtras> extras)
    : model_(std::move(model)),
      levels_(std::move(levels)),
      extras_(std::move(extras)),
      batch_(batch),
      pool_(model_.device().is_cpu() ? threads : 1) {
  TORCH_CHECK(batch > 0 && threads > 0, "a batch holds at least one request");
  extras_.resize(levels_.levels.size());
}

ForwardOptions TorchEngine::LevelPass(size_t level) const {
  const LevelExtras& extras = extras_.at(level);
  return {.level = &levels_.levels.at(level),
          .adapter = use_adapters_ && extras.adapter ? &*extras.adapter : nullptr,
          .gating = extras.gating.get(),
          .biases = extras.biases};
}

void TorchEngine::ForEachBatch(size_t count, const ScoringProgress& progress,
                               const std::function<void(size_t begin, size_t end)>& compute) {
  const size_t batches = CeilDiv(count, batch_);
  pool_.ForEach(
      batches,
      [&](size_t batch, size_t) {
        const torch::NoGradGuard no_grad;  // of this thread
        compute(batch * batch_, std::min(count, (batch + 1) * batch_));
      },
      [&](size_t done) {
        if (progress) progress(std::min(count, done * batch_), count);
      });
}

std::vector<RequestScore> TorchEngine::Score(size_t level, std::span<const ScoringRequest> requests,
                                             const ScoringProgress& progress) {
  const std::vector<size_t> order = LongestFirst(requests);
  std::vector<RequestScore> scores(requests.size());
  ForEachBatch(requests.size(), progress, [&](size_t begin, size_t end) {
    ScoreBatch(model_, LevelPass(level), extras_.at(level).gates_prompts, requests,
               std::span(order).subspan(begin, end - begin), scores);
  });
  return scores;
}

std::vector<double> TorchEngine::WindowLosses(size_t level, const TokenWindows& windows,
                                              const ScoringProgress& progress) {
  std::vector<double> losses(windows.count());
  ForEachBatch(losses.size(), progress, [&](size_t begin, size_t end) {
    const auto first = windows.ids.begin() + static_cast<ptrdiff_t>(begin * windows.length);
    const TokenWindows some = {
        windows.length, {first, first + static_cast<ptrdiff_t>((end - begin) * windows.length)}};
    const WindowsLoss loss = MeasureLoss(model_, some, LevelPass(level), batch_);
    std::copy(loss.sequences.begin(), loss.sequences.end(),
              losses.begin() + static_cast<ptrdiff_t>(begin));
  });
  return losses;
}

}  // namespace elm
