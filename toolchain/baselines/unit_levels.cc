#include "toolchain/baselines/unit_levels.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/plan/allocate.h"

namespace elm {
namespace {

// Scores of single query heads play no part, but must be there.
constexpr ScoreMetric kMetric = ScoreMetric::kToken;

}  // namespace

UnitScores StartUnitScores(const ModelConfig& config) {
  UnitScores scores = UnitScores::ForModel(config);
  scores.sequences = 1;
  MetricSums& sums = scores.of(kMetric);
  sums.groups.assign(size_t{config.layers} * config.kv_heads, 0.0);
  sums.neurons.assign(size_t{config.layers} * config.neurons, 0.0);
  return scores;
}

UnitOrder OrderByScores(const ModelConfig& config, const UnitScores& scores) {
  PlanOptions options;
  options.policy = UnitPolicy::kKvGroup;
  options.metric = kMetric;
  return ValueOrThrow(OrderUnits(config, scores, options));
}

uint32_t AtLeast(uint32_t neurons, uint32_t least) {
  return neurons == 0 ? 0 : std::max(neurons, least);
}

Level UniformLevel(const ModelConfig& config, const std::vector<uint32_t>& cut, uint32_t name,
                   uint32_t least_neurons) {
  // Whole groups: KV head h of the reordered model has the h-th query heads, whatever the order.
  const std::vector<std::vector<uint16_t>> kv_of = FullLevelOnly(config).kv_of;
  const UniformAllocator allocator(config, UnitPolicy::kKvGroup, /*neuron_snap=*/1, cut, kv_of);
  const double target = name / 1000.0 * static_cast<double>(allocator.AllWeights());
  Level level{name, allocator.Slices(allocator.Solve(target, {}))};
  for (LayerSlice& slice : level.layers) {
    slice.neurons = AtLeast(slice.neurons, std::min(least_neurons, config.neurons));
  }
  return level;
}

std::vector<uint32_t> AllLayers(const ModelConfig& config) {
  std::vector<uint32_t> layers(config.layers);
  std::iota(layers.begin(), layers.end(), 0U);
  return layers;
}

PrunedModel PruneUniformly(const BaselineInputs& inputs, const UnitScores& scores) {
  const ModelConfig& config = inputs.model.config();
  PrunedModel pruned{inputs.model.Reordered(OrderByScores(config, scores)), {}};
  for (const uint32_t name : inputs.names) {
    Level level = UniformLevel(config, AllLayers(config), name, inputs.least_neurons);
    const double share = TrueShare(config, level);
    pruned.levels.push_back({.level = std::move(level), .share = share});
  }
  return pruned;
}

}  // namespace elm
