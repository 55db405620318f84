#include "toolchain/eval/torch_engine.h"

#include <algorithm>
#include <utility>

#include "formats/base/checked_math.h"
#include "toolchain/eval/request_row.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/model/token_loss.h"
#include "toolchain/model/token_tree.h"

namespace elm {
namespace {

// Rows of hidden states that become logits at once where the most probable token is asked for.
constexpr int64_t kLogitRows = 64;

// Rows on their way through the model together, padded to the longest.
struct Batch {
  explicit Batch(std::vector<RequestRow> given) : rows(std::move(given)) {
    for (const RequestRow& row : rows) longest = std::max(longest, row.ids.size());
  }

  torch::Tensor Ids() const {  // [rows, longest]
    torch::Tensor ids = torch::zeros(
        {static_cast<int64_t>(rows.size()), static_cast<int64_t>(longest)}, torch::kInt64);
    for (size_t row = 0; row < rows.size(); ++row) {
      std::copy(rows[row].ids.begin(), rows[row].ids.end(),
                ids.data_ptr<int64_t>() + row * longest);
    }
    return ids;
  }

  TokenTree Tree(torch::Device device) const {
    std::vector<std::vector<int64_t>> parents;
    for (const RequestRow& row : rows) parents.push_back(row.parents);
    return MakeTokenTree(parents, device);
  }

  // The place in [rows * longest] of a place in a row.
  int64_t Flat(size_t row, int64_t place) const {
    return static_cast<int64_t>(row * longest) + place;
  }

  std::vector<RequestRow> rows;
  size_t longest = 0;
};

torch::Tensor Tensor(const std::vector<int64_t>& values, torch::Device device) {
  return torch::tensor(values, torch::kInt64).to(device);
}

// Log-probabilities of all predictions of a batch, row by row. hidden [rows * longest, width].
std::vector<double> LogProbabilities(const Llama& model, const Batch& batch,
                                     const torch::Tensor& hidden) {
  std::vector<int64_t> places;
  std::vector<int64_t> targets;
  for (size_t row = 0; row < batch.rows.size(); ++row) {
    for (const auto& [place, id] : batch.rows[row].predictions) {
      places.push_back(batch.Flat(row, place));
      targets.push_back(id);
    }
  }
  if (places.empty()) return {};
  const torch::Device device = model.device();
  const torch::Tensor losses =
      TokenLoss(hidden.index_select(0, Tensor(places, device)), model.head, Tensor(targets, device))
          .to(torch::kFloat64)
          .cpu();
  const double* begin = losses.data_ptr<double>();
  std::vector<double> values(begin, begin + losses.numel());
  for (double& value : values) value = -value;
  return values;
}

// Most probable tokens at all greedy places of a batch, row by row.
std::vector<uint32_t> GreedyTokens(const Llama& model, const Batch& batch,
                                   const torch::Tensor& hidden) {
  std::vector<int64_t> places;
  for (size_t row = 0; row < batch.rows.size(); ++row) {
    for (const int64_t place : batch.rows[row].greedy_places) {
      places.push_back(batch.Flat(row, place));
    }
  }
  std::vector<uint32_t> tokens;
  if (places.empty()) return tokens;
  const torch::Tensor selected = hidden.index_select(0, Tensor(places, model.device()));
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

// `chosen` holds indices of `requests`; their scores are put at the same indices of `scores`.
void ScoreBatch(const Llama& model, ForwardOptions pass, std::span<const ScoringRequest> requests,
                std::span<const size_t> chosen, std::vector<RequestScore>& scores) {
  std::vector<RequestRow> rows;
  for (const size_t index : chosen) rows.push_back(MakeRequestRow(requests[index]));
  const Batch batch(std::move(rows));
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

}  // namespace

TorchEngine::TorchEngine(Llama model, LevelTable levels, size_t batch, size_t threads,
                         std::vector<std::optional<LoraAdapter>> adapters)
    : model_(std::move(model)),
      levels_(std::move(levels)),
      adapters_(std::move(adapters)),
      batch_(batch),
      pool_(model_.device().is_cpu() ? threads : 1) {
  TORCH_CHECK(batch > 0 && threads > 0, "a batch holds at least one request");
  adapters_.resize(levels_.levels.size());
}

ForwardOptions TorchEngine::LevelPass(size_t level) const {
  const std::optional<LoraAdapter>& adapter = adapters_.at(level);
  return {.level = &levels_.levels.at(level), .adapter = adapter ? &*adapter : nullptr};
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
    ScoreBatch(model_, LevelPass(level), requests, std::span(order).subspan(begin, end - begin),
               scores);
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
