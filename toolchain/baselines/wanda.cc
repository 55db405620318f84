// Wanda-sp: Wanda (Sun et al. 2023, arXiv 2306.11695) over structures, as the FLAP paper compares
// with it. A weight counts |W| times the norm of its input; a unit counts the sum over its columns
// of W_o, or W_down.
#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/unit_inputs.h"
#include "toolchain/baselines/unit_levels.h"
#include "toolchain/profile/batches.h"

namespace elm {
namespace {

// Sum over rows of |W| times the norm of the column's input, for units of `unit_size` columns.
std::vector<double> Scores(const torch::Tensor& weight, const ChannelMoments& moments,
                           int64_t unit_size) {
  const torch::Tensor columns = weight.to(torch::kFloat64).abs().sum(0) * moments.squares.sqrt();
  return Doubles(columns.view({-1, unit_size}).sum(1));
}

}  // namespace

std::vector<PrunedModel> PruneByWanda(const BaselineInputs& inputs) {
  const ModelConfig& config = inputs.model.config();
  const UnitInputs found = MeasureUnitInputs(inputs);
  const int64_t group_columns = int64_t{config.queries_per_kv()} * config.head_dim;
  UnitScores scores = StartUnitScores(config);
  MetricSums& sums = scores.of(ScoreMetric::kToken);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const LlamaLayer& weights = inputs.model.layers[layer];
    const std::vector<double> groups = Scores(weights.output, found.output[layer], group_columns);
    const std::vector<double> neurons = Scores(weights.down, found.down[layer], 1);
    std::copy(groups.begin(), groups.end(), sums.groups.begin() + layer * config.kv_heads);
    std::copy(neurons.begin(), neurons.end(), sums.neurons.begin() + layer * config.neurons);
  }
  return {PruneUniformly(inputs, scores)};
}

}  // namespace elm
