// LLM-Pruner (Ma et al. 2023, arXiv 2305.11627), its element-wise first-order importance: the sum
// over a unit's weights of |W * dL/dW|, L the loss of the whole calibration set. One static cut for
// each share, the same part of every layer that is cut at all.
//
// It leaves the first four and the last two of 32 layers whole. The same rule is scaled to the
// model's number of layers (at least one and one). At small shares these layers alone would be most
// of what is left; there, whole first and last layers, a whole first layer and none at all are
// tried and the calibration loss decides.
#include <algorithm>
#include <cmath>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/unit_levels.h"
#include "toolchain/profile/batches.h"
#include "toolchain/profile/profile.h"

namespace elm {
namespace {

// Layers [first, end - last) are cut.
struct WholeEnds {
  uint32_t first;
  uint32_t last;
};

WholeEnds PublishedEnds(uint32_t layers) {
  const auto scaled = [&](double of_32) {
    return std::max(1U, static_cast<uint32_t>(std::lround(of_32 * layers / 32.0)));
  };
  return {scaled(4), scaled(2)};
}

std::vector<uint32_t> CutLayers(uint32_t layers, const WholeEnds& ends) {
  std::vector<uint32_t> cut;
  for (uint32_t layer = ends.first; layer + ends.last < layers; ++layer) cut.push_back(layer);
  return cut;
}

std::string EndsText(const WholeEnds& ends) {
  if (ends.first == 0) return "all layers are cut";
  if (ends.last == 0) return StrCat("whole layers: the first ", ends.first);
  return StrCat("whole layers: the first ", ends.first, " and the last ", ends.last);
}

double Loss(const Llama& model, const Level& level, const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  double sum = 0;
  ForEachBatch(model, inputs.calibration, 0, inputs.calibration.count(), inputs.batch,
               inputs.progress, [&](const torch::Tensor& ids) {
                 sum += SumLosses(Doubles(model.SequenceLoss(ids, {.level = &level})));
               });
  return sum;
}

// The level with the lowest calibration loss among those that the rule allows.
PrunedLevel Choose(const Llama& ordered, uint32_t name, const BaselineInputs& inputs) {
  const ModelConfig& config = ordered.config();
  const WholeEnds published = PublishedEnds(config.layers);
  const uint32_t whole = published.first + published.last;
  const double whole_share = static_cast<double>(whole) / config.layers;
  std::vector<WholeEnds> choices;
  if (whole < config.layers && whole_share < name / 1000.0) choices.push_back(published);
  if (whole >= config.layers || whole_share > 0.5 * name / 1000.0) {
    if (static_cast<double>(published.first) / config.layers < name / 1000.0) {
      choices.push_back({published.first, 0});
    }
    choices.push_back({0, 0});
  }
  PrunedLevel best;
  double best_loss = 0;
  for (const WholeEnds& ends : choices) {
    Level level = UniformLevel(config, CutLayers(config.layers, ends), name, inputs.least_neurons);
    const double loss = choices.size() == 1 ? 0 : Loss(ordered, level, inputs);
    if (!best.level.layers.empty() && loss >= best_loss) continue;
    const double share = TrueShare(config, level);
    best = {.level = std::move(level), .share = share, .note = EndsText(ends)};
    best_loss = loss;
  }
  return best;
}

}  // namespace

std::vector<PrunedModel> PruneByLlmPruner(const BaselineInputs& inputs) {
  const ModelConfig& config = inputs.model.config();
  UnitScores scores = StartUnitScores(config);
  const MetricSums found = ProfileWeightGradient(inputs.model, inputs.calibration,
                                                 {.batch = inputs.batch}, inputs.progress);
  scores.of(ScoreMetric::kToken).groups = found.groups;
  scores.of(ScoreMetric::kToken).neurons = found.neurons;
  PrunedModel pruned{inputs.model.Reordered(OrderByScores(config, scores)), {}};
  for (const uint32_t name : inputs.names) {
    pruned.levels.push_back(Choose(pruned.model, name, inputs));
  }
  return {std::move(pruned)};
}

}  // namespace elm
