#include "runtime/bench/work.h"

#include <algorithm>
#include <map>

namespace elm {

WeightSummary SummariseWeights(const BundleView& view) {
  WeightSummary summary;
  std::map<WeightType, uint64_t> by_type;
  uint64_t bytes = 0;
  for (const BundleTensor& tensor : view.tensors) {
    if (tensor.spec.is_vector()) continue;
    const uint64_t count = tensor.spec.rows * tensor.spec.columns;
    by_type[tensor.type] += count;
    summary.weights += count;
    bytes += tensor.size;
  }
  const auto weights = static_cast<double>(summary.weights);
  summary.bits_per_weight = 8.0 * static_cast<double>(bytes) / weights;
  for (const auto& [type, count] : by_type) {
    summary.types.emplace_back(type, static_cast<double>(count) / weights);
  }
  std::stable_sort(summary.types.begin(), summary.types.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  summary.main_type = summary.types.front().first;
  return summary;
}

double TlmOperations(const TlmConfig& config, uint64_t tokens, bool score, bool decision) {
  const auto count = static_cast<double>(tokens);
  const double bottleneck = config.bottleneck;
  // Both bottlenecks and values read the hidden state; queries and keys what is narrowed.
  const double prepare = 3.0 * bottleneck * config.hidden + 2.0 * bottleneck * bottleneck;
  const double finish = bottleneck * bottleneck +
                        2.0 * config.feed_forwards * bottleneck * config.intermediate +
                        bottleneck * config.hidden;
  const double above = config.layers - config.shared_layers;
  double weights = count * (double{1} * config.hidden * config.embedding_inputs() +
                            config.shared_layers * (prepare + finish));
  if (score) weights += count * above * (prepare + finish);
  if (decision && above > 0) {
    weights += count * (above * prepare + (above - 1) * finish) + finish;
  }
  return 2.0 * weights;
}

const BundleAdapter* AdapterOf(const BundleView& view, size_t level) {
  for (const BundleAdapter& adapter : view.adapters) {
    if (adapter.level == level) return &adapter;
  }
  return nullptr;
}

LevelWork WorkOf(const BundleView& view, size_t level, bool use_adapter) {
  const ModelConfig& config = view.config;
  const Level& row = view.levels.levels[level];
  LevelWork work;
  work.token_bytes = LevelBytes(view, row);
  for (const BundleTensor& tensor : view.tensors) {
    // A tied head is the embedding, read whole.
    if (tensor.spec.role == TensorRole::kEmbedding && !config.tied_head) {
      work.token_bytes -= tensor.size - tensor.size / config.vocab;
    }
  }
  const BundleAdapter* adapter = use_adapter ? AdapterOf(view, level) : nullptr;
  if (adapter != nullptr) work.token_bytes += adapter->plan.size;
  for (const LayerSlice& slice : row.layers) work.layer_weights += SliceWeights(config, slice);
  work.head_weights = uint64_t{config.vocab} * config.width;
  return work;
}

}  // namespace elm
