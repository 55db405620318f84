#include <gtest/gtest.h>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/baselines/sparsity_predictor.h"
#include "toolchain/baselines/testing/tiny_baseline.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

std::vector<TrainingExample> Examples(const TokenWindows& windows) {
  std::vector<TrainingExample> examples(windows.count());
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto row = windows.row(i);
    examples[i].Add(row.front(), TokenRole::kIgnored);
    examples[i].Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kDocument);
  }
  return examples;
}

class ContextualSparsityTest : public ::testing::Test {
 protected:
  ContextualSparsityTest() : examples_(Examples(tiny_.calibration), 1) {}

  BaselineInputs Inputs(std::vector<uint32_t> names, uint64_t tokens) const {
    BaselineInputs inputs = tiny_.Inputs(std::move(names));
    inputs.examples = &examples_;
    inputs.tokens = tokens;
    inputs.folder = directory_.path();
    inputs.data_key = "data";
    return inputs;
  }

  testing::TemporaryDirectory directory_;
  TinyBaseline tiny_;
  EpochExamples examples_;
};

TEST_F(ContextualSparsityTest, EveryTokenHasItsOwnUnitsAndAsManyAsTheBudgetSays) {
  const torch::Tensor scores = torch::tensor({{0.1F, 0.9F, 0.5F}, {0.9F, 0.2F, 0.1F}});
  EXPECT_TRUE(
      torch::equal(TopGates(scores, 2), torch::tensor({{0.0F, 1.0F, 1.0F}, {1.0F, 1.0F, 0.0F}})));
  EXPECT_TRUE(torch::equal(TopGates(scores, 0), torch::zeros({2, 3})));
  EXPECT_TRUE(torch::equal(TopGates(scores, 3), torch::ones({2, 3})));
  EXPECT_TRUE(torch::equal(SpreadOverHeads(torch::tensor({1.0F, 0.0F, 0.0F, 1.0F}), SixLayers()),
                           torch::tensor({1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F})));
}

TEST_F(ContextualSparsityTest, ContributionsAreWhatUnitsAddToTheStream) {
  const LlamaLayer& layer = tiny_.model.layers[0];
  const torch::Tensor outputs = torch::randn({3, 20});
  const torch::Tensor found = NeuronContributions(layer, outputs);
  const torch::Tensor expected = (outputs[1][4] * layer.down.select(1, 4)).norm();
  EXPECT_NEAR(found[1][4].item<double>(), expected.item<double>(), 1e-5);
  const torch::Tensor heads = torch::randn({3, 8, 6});
  torch::Tensor alone = torch::zeros_like(heads[1]);
  alone.slice(0, 2, 4).copy_(heads[1].slice(0, 2, 4));  // KV group 1
  EXPECT_NEAR(GroupContributions(layer, SixLayers(), heads)[1][1].item<double>(),
              torch::linear(alone.flatten(), layer.output).norm().item<double>(), 1e-5);
}

TEST_F(ContextualSparsityTest, TheOracleStaysNearerToTheModelThanOneStaticChoice) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor ids = AllWindows(tiny_.calibration);
  const torch::Tensor whole = tiny_.model.Hidden(ids);
  const auto distance = [&](const torch::Tensor& hidden) {
    return (hidden - whole).norm().item<double>();
  };
  const PrunedLevel oracle = SparsifyByOracle(Inputs({600}, 0)).front().levels.front();
  EXPECT_NEAR(oracle.share, 0.6, 0.02);
  const double gated = distance(tiny_.model.Hidden(ids, {.gating = oracle.gating.get()}));
  EXPECT_GT(gated, 0.0);
  for (auto* prune : {&PruneAtRandom, &PruneByMagnitude, &PruneByWanda}) {
    const PrunedModel fixed = prune(Inputs({600}, 0)).front();
    const Level& level = fixed.levels.front().level;
    EXPECT_LT(gated, 0.9 * distance(fixed.model.Hidden(ids, {.level = &level})));
  }
}

TEST_F(ContextualSparsityTest, PredictorsLearnWhichUnitsATokenNeeds) {
  const std::vector<std::vector<ActiveUnits>> active = {UniformActiveUnits(SixLayers(), 500)};
  const TrainedPredictor little = TrainPredictors(Inputs({500}, 20), active).front();
  const TrainedPredictor much = TrainPredictors(Inputs({500}, 5'000), active).front();
  EXPECT_NEAR(little.found_neurons, 0.5, 0.1) << "half of them by chance";
  EXPECT_GT(much.found_neurons, little.found_neurons + 0.08);
  EXPECT_GT(much.found_groups, little.found_groups + 0.05);
}

TEST_F(ContextualSparsityTest, AnInterruptedTrainingGoesOnExactly) {
  const std::vector<std::vector<ActiveUnits>> active = {UniformActiveUnits(SixLayers(), 500)};
  BaselineInputs inputs = Inputs({500}, 400);
  inputs.folder = directory_.path() + "/whole";
  const torch::Tensor whole = TrainPredictors(inputs, active)[0].flat;
  inputs.folder = directory_.path() + "/broken";
  int calls = 0;
  inputs.progress = [&](size_t, size_t) {
    if (++calls == 9) throw Error(Status(StatusCode::kCancelled, "enough"));
  };
  EXPECT_THROW(TrainPredictors(inputs, active), Error);
  inputs.progress = {};
  EXPECT_TRUE(torch::equal(TrainPredictors(inputs, active)[0].flat, whole));
  inputs.progress = [](size_t, size_t) { throw Error(Internal("trains")); };
  EXPECT_NO_THROW(TrainPredictors(inputs, active));
}

TEST_F(ContextualSparsityTest, ALevelOfPredictorsIsGatedWithoutLookingAtWhatUnitsGive) {
  const PrunedLevel level = SparsifyByPrediction(Inputs({500}, 200)).front().levels.front();
  const torch::Tensor input = torch::randn({1, 3, 24});
  const torch::Tensor some = level.gating->Neurons(2, input, torch::randn({1, 3, 20}));
  EXPECT_TRUE(torch::equal(some, level.gating->Neurons(2, input, torch::randn({1, 3, 20}))));
  const int64_t active = UniformActiveUnits(SixLayers(), 500)[2].neurons;
  EXPECT_TRUE(torch::equal(some.sum(-1), torch::full({1, 3}, static_cast<float>(active))));
}

}  // namespace
}  // namespace elm
