// Magnitude pruning over structures: a unit counts what its weights count, all its matrices
// together.
#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/unit_levels.h"
#include "toolchain/profile/batches.h"

namespace elm {
namespace {

// Sums of squares over units of `unit_size` rows, or columns: float64 [units].
torch::Tensor RowSquares(const torch::Tensor& weight, int64_t unit_size) {
  return weight.to(torch::kFloat64).square().sum(1).view({-1, unit_size}).sum(1);
}
torch::Tensor ColumnSquares(const torch::Tensor& weight, int64_t unit_size) {
  return weight.to(torch::kFloat64).square().sum(0).view({-1, unit_size}).sum(1);
}

}  // namespace

std::vector<PrunedModel> PruneByMagnitude(const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  const ModelConfig& config = inputs.model.config();
  const int64_t group_rows = int64_t{config.queries_per_kv()} * config.head_dim;
  UnitScores scores = StartUnitScores(config);
  MetricSums& sums = scores.of(ScoreMetric::kToken);
  for (uint32_t index = 0; index < config.layers; ++index) {
    const LlamaLayer& layer = inputs.model.layers[index];
    const std::vector<double> groups =
        Doubles(RowSquares(layer.query, group_rows) + ColumnSquares(layer.output, group_rows) +
                RowSquares(layer.key, config.head_dim) + RowSquares(layer.value, config.head_dim));
    const std::vector<double> neurons =
        Doubles(RowSquares(layer.gate, 1) + RowSquares(layer.up, 1) + ColumnSquares(layer.down, 1));
    std::copy(groups.begin(), groups.end(), sums.groups.begin() + index * config.kv_heads);
    std::copy(neurons.begin(), neurons.end(), sums.neurons.begin() + index * config.neurons);
  }
  return {PruneUniformly(inputs, scores)};
}

}  // namespace elm
