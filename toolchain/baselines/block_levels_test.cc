#include "toolchain/baselines/block_levels.h"

#include <gtest/gtest.h>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

TEST(BlockLevels, TheNearestShareIsTaken) {
  const ModelConfig config = SixLayers();
  const std::vector<DroppedBlock> layers = WholeLayers({3, 1, 2, 4, 0, 5});
  // Of six layers that are alike: 0.2 is nearest to one, 0.4 to two, 0.45 to three that stay.
  EXPECT_EQ(BlocksToDrop(config, layers, 200), 5U);
  EXPECT_EQ(BlocksToDrop(config, layers, 400), 4U);
  EXPECT_EQ(BlocksToDrop(config, layers, 450), 3U);
  EXPECT_EQ(BlocksToDrop(config, layers, 700), 2U);
}

TEST(BlockLevels, SomethingGoesAndSomethingStays) {
  const ModelConfig config = SixLayers();
  const std::vector<DroppedBlock> layers = WholeLayers({3, 1, 2, 4, 0, 5});
  EXPECT_EQ(BlocksToDrop(config, layers, 999), 1U);
  EXPECT_EQ(BlocksToDrop(config, layers, 1), 5U);
}

TEST(BlockLevels, OfTwoEquallyFarSharesTheHeavierIsTaken) {
  const ModelConfig config = SixLayers();
  EXPECT_EQ(BlocksToDrop(config, WholeLayers({3, 1, 2, 4, 0, 5}), 750), 1U);
}

TEST(BlockLevels, BlocksGoInTheirOrder) {
  const ModelConfig config = SixLayers();
  const std::vector<DroppedBlock> order = {
      {.layer = 2, .attention = true}, {.layer = 2, .mlp = true}, {.layer = 0, .mlp = true}};
  const Level level = WithoutBlocks(config, order, 2, 800);
  EXPECT_EQ(level.layers[2], LayerSlice{});
  EXPECT_EQ(level.layers[0], (LayerSlice{8, 4, 20}));
  EXPECT_EQ(WithoutBlocks(config, order, 1, 800).layers[2], (LayerSlice{0, 0, 20}));
}

}  // namespace
}  // namespace elm
