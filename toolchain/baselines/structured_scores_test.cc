// Wanda-sp, magnitude and random: scores of units, the same part of every layer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

// A larger up row and a smaller down column leave a neuron's function as it is; what goes into
// W_down grows with the one as |W| falls with the other.
TEST(Wanda, WeightsCountTimesTheNormOfTheirInputs) {
  TinyBaseline tiny;
  const auto place_of = [&](int64_t neuron) {
    const Llama pruned = PruneByWanda(tiny.Inputs({500})).front().model;
    for (int64_t place = 0; place < 20; ++place) {
      if (OriginalNeuron(tiny.model, pruned, 1, place) == neuron) return place;
    }
    return int64_t{-1};
  };
  const int64_t before = place_of(7);
  tiny.model.layers[1].up[7].mul_(50);
  tiny.model.layers[1].down.select(1, 7).mul_(1.0 / 50);
  EXPECT_EQ(place_of(7), before);
  tiny.model.layers[1].up[7].mul_(50);  // inputs grow, weights of down do not fall
  EXPECT_EQ(place_of(7), 0);
}

TEST(Magnitude, UnitsStandByTheirSquaredWeights) {
  TinyBaseline tiny;
  tiny.model.layers[2].gate[4].mul_(30);
  tiny.model.layers[2].value.narrow(0, 6 * 3, 6).mul_(30);
  tiny.model.layers[2].output.narrow(1, 0, 12).mul_(1e-2);
  tiny.model.layers[2].query.narrow(0, 0, 12).mul_(1e-2);
  tiny.model.layers[2].key.narrow(0, 0, 6).mul_(1e-2);
  tiny.model.layers[2].value.narrow(0, 0, 6).mul_(1e-2);
  const Llama pruned = PruneByMagnitude(tiny.Inputs({500})).front().model;
  EXPECT_EQ(OriginalNeuron(tiny.model, pruned, 2, 0), 4);
  EXPECT_EQ(OriginalGroup(tiny.model, pruned, 2, 0), 3);
  EXPECT_EQ(OriginalGroup(tiny.model, pruned, 2, 3), 0);
}

TEST(Random, AnOrderBelongsToItsSeed) {
  const TinyBaseline tiny;
  BaselineInputs inputs = tiny.Inputs({500});
  const torch::Tensor first = PruneAtRandom(inputs).front().model.layers[0].up;
  EXPECT_TRUE(torch::equal(PruneAtRandom(inputs).front().model.layers[0].up, first));
  inputs.seed = 2;
  EXPECT_FALSE(torch::equal(PruneAtRandom(inputs).front().model.layers[0].up, first));
}

TEST(StructuredScores, ReorderingChangesNothingAndEveryLayerIsCutAlike) {
  const TinyBaseline tiny;
  const torch::NoGradGuard no_grad;
  const torch::Tensor ids = AllWindows(tiny.calibration);
  for (auto* prune : {&PruneByWanda, &PruneByMagnitude, &PruneAtRandom}) {
    const PrunedModel pruned = prune(tiny.Inputs({300, 700})).front();
    EXPECT_LT(MaxDifference(pruned.model.Logits(ids), tiny.model.Logits(ids)), 1e-3);
    for (const PrunedLevel& level : pruned.levels) {
      EXPECT_NEAR(level.share, level.level.name_permille / 1000.0, 0.02);
      for (const LayerSlice& slice : level.level.layers) {
        EXPECT_NEAR(slice.neurons, level.level.layers.front().neurons, 1);
      }
    }
  }
}

}  // namespace
}  // namespace elm
