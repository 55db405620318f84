// Units in random order: what any method has to beat.
#include <random>

#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/unit_levels.h"

namespace elm {

std::vector<PrunedModel> PruneAtRandom(const BaselineInputs& inputs) {
  UnitScores scores = StartUnitScores(inputs.model.config());
  std::mt19937_64 random(inputs.seed);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  MetricSums& sums = scores.of(ScoreMetric::kToken);
  for (double& score : sums.groups) score = uniform(random);
  for (double& score : sums.neurons) score = uniform(random);
  return {PruneUniformly(inputs, scores)};
}

}  // namespace elm
