#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Laco, OneLayerIsTheFirstWithTheDifferencesOfTheLaterOnes) {
  ModelConfig config = SixLayers();
  config.layers = 3;
  const TinyBaseline tiny(config);
  const PrunedModel pruned = MergeLayers(tiny.Inputs({333})).front();
  EXPECT_TRUE(pruned.merged);
  EXPECT_THAT(SkippedLayers(pruned.levels.front().level), ElementsAre(1, 2));
  const std::vector<LlamaLayer>& original = tiny.model.layers;
  // All three at once, or pair by pair, where the later layer takes the earlier one's place.
  const torch::Tensor at_once = original[1].up + original[2].up - original[0].up;
  const torch::Tensor& merged = pruned.model.layers[0].up;
  EXPECT_TRUE(torch::allclose(merged, at_once) || torch::equal(merged, original[2].up));
}

TEST(Laco, AMergeThatLeavesTheOutputAsItIsIsTaken) {
  TinyBaseline tiny;
  tiny.SilenceAttention(2);
  tiny.SilenceMlp(2);
  const PrunedModel pruned = MergeLayers(tiny.Inputs({833})).front();
  const PrunedLevel& level = pruned.levels.front();
  EXPECT_THAT(level.note, HasSubstr("2 to 3"));
  const torch::NoGradGuard no_grad;
  const torch::Tensor ids = AllWindows(tiny.calibration);
  EXPECT_LT(
      MaxDifference(pruned.model.Logits(ids, {.level = &level.level}), tiny.model.Logits(ids)),
      0.1);
}

TEST(Laco, SharesAreWholeLayersAndEqualOnesAreOneModel) {
  const TinyBaseline tiny;
  const std::vector<PrunedModel> models = MergeLayers(tiny.Inputs({200, 300, 400, 900}));
  ASSERT_EQ(models.size(), 3U);
  EXPECT_EQ(models[1].levels.size(), 2U);
  EXPECT_NEAR(models[0].levels[0].share, 1.0 / 6, 1e-9);
  EXPECT_NEAR(models[1].levels[1].share, 2.0 / 6, 1e-9);
  EXPECT_NEAR(models[2].levels[0].share, 5.0 / 6, 1e-9);
}

}  // namespace
}  // namespace elm
