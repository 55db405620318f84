// Contextual sparsity (Deja Vu, Liu et al. 2023): every token takes the KV groups and neurons that
// it needs, the same number in every layer. A level's share is what counts for a token; the
// predictors' weights are left out of it, and so is that keys and values of a group must be there
// for later tokens although this one does not read them.
#include <memory>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/baselines/baseline.h"
#include "toolchain/baselines/sparsity_predictor.h"
#include "toolchain/baselines/unit_levels.h"

namespace elm {
namespace {

// All levels of a gated model are the whole one.
PrunedModel Gated(const BaselineInputs& inputs) {
  const ModelConfig& config = inputs.model.config();
  PrunedModel pruned{inputs.model, {}};
  for (const uint32_t name : inputs.names) {
    const Level budget = UniformLevel(config, AllLayers(config), name, /*least_neurons=*/1);
    pruned.levels.push_back(
        {.level = {name, FullLevelOnly(config).full().layers}, .share = TrueShare(config, budget)});
  }
  return pruned;
}

}  // namespace

std::vector<PrunedModel> SparsifyByOracle(const BaselineInputs& inputs) {
  PrunedModel pruned = Gated(inputs);
  for (PrunedLevel& level : pruned.levels) {
    level.gating = std::make_shared<OracleGating>(
        inputs.model, UniformActiveUnits(inputs.model.config(), level.level.name_permille));
  }
  return {std::move(pruned)};
}

std::vector<PrunedModel> SparsifyByPrediction(const BaselineInputs& inputs) {
  const ModelConfig& config = inputs.model.config();
  PrunedModel pruned = Gated(inputs);
  std::vector<std::vector<ActiveUnits>> active;
  for (const uint32_t name : inputs.names) active.push_back(UniformActiveUnits(config, name));
  const std::vector<TrainedPredictor> predictors = TrainPredictors(inputs, active);
  for (size_t i = 0; i < predictors.size(); ++i) {
    PrunedLevel& level = pruned.levels[i];
    const auto percent = [](double part) { return static_cast<int>(100 * part + 0.5); };
    level.note =
        StrCat("the predictors find ", percent(predictors[i].found_groups), " % of the groups and ",
               percent(predictors[i].found_neurons), " % of the neurons that contribute most");
    const torch::Tensor flat = predictors[i].flat.to(inputs.model.device(), inputs.model.dtype());
    level.gating = std::make_shared<PredictedGating>(config, flat, active[i]);
  }
  return {std::move(pruned)};
}

}  // namespace elm
