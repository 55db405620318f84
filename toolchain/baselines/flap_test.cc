#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

// The defining property: what a block gives on average is what it gave before. Held for the
// attention of layer 0, whose input no cut has changed.
TEST(Flap, TheBiasKeepsABlocksMeanOutput) {
  const TinyBaseline tiny;
  const PrunedModel pruned = PruneByFluctuation(tiny.Inputs({400})).front();
  const PrunedLevel& level = pruned.levels.front();
  ASSERT_LT(level.level.layers[0].kv_heads, 4U);
  Level attention = level.level;
  Level whole{1000, std::vector<LayerSlice>(6, {8, 4, 0})};
  for (LayerSlice& slice : attention.layers) slice.neurons = 0;
  std::vector<LayerBias> biases(6);
  biases[0].attention = level.biases[0].attention;
  const torch::NoGradGuard no_grad;
  const torch::Tensor stream = tiny.model.Embed(AllWindows(tiny.calibration));
  const auto mean = [&](const Llama& model, const ForwardOptions& options) {
    return (model.RunLayers(stream, 0, 1, options) - stream).flatten(0, 1).mean(0);
  };
  const torch::Tensor before = mean(tiny.model, {.level = &whole});
  EXPECT_LT(MaxDifference(mean(pruned.model, {.level = &attention, .biases = biases}), before),
            1e-5);
  EXPECT_GT(MaxDifference(mean(pruned.model, {.level = &attention}), before), 1e-3);
}

TEST(Flap, AUnitThatNeverChangesGoesFirst) {
  TinyBaseline tiny;
  tiny.model.layers[2].up[5].zero_();  // its output is 0 whatever the token
  const PrunedModel pruned = PruneByFluctuation(tiny.Inputs({950})).front();
  EXPECT_EQ(OriginalNeuron(tiny.model, pruned.model, 2, 19), 5);
  EXPECT_LT(pruned.levels.front().level.layers[2].neurons, 20U);
}

TEST(Flap, LayersKeepWhatTheirFluctuationIsWorth) {
  const TinyBaseline tiny;
  const PrunedModel pruned = PruneByFluctuation(tiny.Inputs({500, 700})).front();
  const std::vector<LayerSlice>& half = pruned.levels[0].level.layers;
  const std::vector<LayerSlice>& more = pruned.levels[1].level.layers;
  bool uneven = false;
  for (size_t layer = 0; layer < 6; ++layer) {
    EXPECT_LE(half[layer].neurons, more[layer].neurons);
    uneven = uneven || half[layer].neurons != half[0].neurons;
  }
  EXPECT_TRUE(uneven);
  EXPECT_NEAR(pruned.levels[0].share, 0.5, 0.02);
}

TEST(Flap, NoLayerIsThinnerThanAnAdaptersRank) {
  const TinyBaseline tiny;
  BaselineInputs inputs = tiny.Inputs({200, 400, 600});
  inputs.least_neurons = 6;
  const PrunedModel pruned = PruneByFluctuation(inputs).front();
  for (const PrunedLevel& level : pruned.levels) {
    for (const LayerSlice& slice : level.level.layers) {
      EXPECT_TRUE(slice.neurons == 0 || slice.neurons >= 6) << slice.neurons;
    }
  }
}

}  // namespace
}  // namespace elm
