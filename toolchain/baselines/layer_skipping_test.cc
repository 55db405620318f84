#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "toolchain/baselines/testing/tiny_baseline.h"
#include "toolchain/eval/windows_loss.h"

namespace elm {
namespace {

// The defining property of LE: what a level skips costs less, layer by layer, than what it keeps.
TEST(LayerSkipping, LayersWhoseSkippingCostsLeastGoFirst) {
  const TinyBaseline tiny;
  const std::vector<PrunedModel> models = SkipLayersByLoss(tiny.Inputs({333, 667}));
  ASSERT_EQ(models.size(), 1U);
  std::vector<double> losses;
  for (size_t layer = 0; layer < 6; ++layer) {
    std::vector<bool> skip(6, false);
    skip[layer] = true;
    losses.push_back(MeasureLoss(tiny.model, tiny.calibration, {.skip_layers = skip}).mean);
  }
  for (const PrunedLevel& level : models.front().levels) {
    const std::vector<uint32_t> skipped = SkippedLayers(level.level);
    EXPECT_EQ(skipped.size(), level.level.name_permille == 333 ? 4U : 2U);
    double worst_skipped = 0;
    double least_kept = 1e9;
    for (uint32_t layer = 0; layer < 6; ++layer) {
      const bool gone = std::find(skipped.begin(), skipped.end(), layer) != skipped.end();
      if (gone) worst_skipped = std::max(worst_skipped, losses[layer]);
      if (!gone) least_kept = std::min(least_kept, losses[layer]);
    }
    EXPECT_LE(worst_skipped, least_kept + 1e-6);
  }
}

}  // namespace
}  // namespace elm
