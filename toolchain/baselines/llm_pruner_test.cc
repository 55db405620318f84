#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

// |W * dL/dW| of neurons by LibTorch alone, L the mean loss of all windows.
std::vector<double> NeuronImportance(const Llama& model, const TokenWindows& windows,
                                     size_t layer) {
  Llama copy = model;
  std::vector<torch::Tensor> weights;
  for (torch::Tensor* matrix :
       {&copy.layers[layer].gate, &copy.layers[layer].up, &copy.layers[layer].down}) {
    *matrix = matrix->detach().clone().requires_grad_(true);
    weights.push_back(*matrix);
  }
  const auto gradients =
      torch::autograd::grad({copy.SequenceLoss(AllWindows(windows)).mean()}, weights);
  const torch::Tensor sums = (weights[0] * gradients[0]).abs().sum(1) +
                             (weights[1] * gradients[1]).abs().sum(1) +
                             (weights[2] * gradients[2]).abs().sum(0);
  std::vector<double> values;
  for (int64_t i = 0; i < sums.size(0); ++i) values.push_back(sums[i].item<double>());
  return values;
}

TEST(LlmPruner, NeuronsStandByTheGradientOfTheWholeCalibrationTimesTheWeight) {
  const TinyBaseline tiny;
  const Llama pruned = PruneByLlmPruner(tiny.Inputs({900})).front().model;
  for (const size_t layer : {0U, 3U}) {
    const std::vector<double> importance = NeuronImportance(tiny.model, tiny.calibration, layer);
    for (int64_t place = 1; place < 20; ++place) {
      const int64_t before = OriginalNeuron(tiny.model, pruned, layer, place - 1);
      const int64_t here = OriginalNeuron(tiny.model, pruned, layer, place);
      EXPECT_GE(importance[before], importance[here] * (1 - 1e-4)) << layer << ", " << place;
    }
  }
}

TEST(LlmPruner, FirstAndLastLayersStayWholeAsPublished) {
  const TinyBaseline tiny;
  const PrunedLevel level = PruneByLlmPruner(tiny.Inputs({800})).front().levels.front();
  EXPECT_EQ(level.level.layers.front(), (LayerSlice{8, 4, 20}));
  EXPECT_EQ(level.level.layers.back(), (LayerSlice{8, 4, 20}));
  for (size_t layer = 1; layer < 5; ++layer) EXPECT_LT(level.level.layers[layer].neurons, 20U);
  EXPECT_THAT(level.note, HasSubstr("the first 1 and the last 1"));
}

// Two of six whole layers are more than a fifth of the weights.
TEST(LlmPruner, AShareThatWholeLayersForbidIsReachedWithoutThem) {
  const TinyBaseline tiny;
  const PrunedLevel level = PruneByLlmPruner(tiny.Inputs({200})).front().levels.front();
  EXPECT_NEAR(level.share, 0.2, 0.02);
  EXPECT_LT(level.level.layers.back().neurons, 20U);
}

}  // namespace
}  // namespace elm
