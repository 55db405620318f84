#include "toolchain/baselines/unit_levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "toolchain/baselines/testing/tiny_baseline.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

// As many heads and neurons as pocket-4m has: units fine enough for a point.
ModelConfig PocketShape() {
  ModelConfig config = SixLayers();
  config.width = 32;
  config.neurons = 512;
  config.head_dim = 8;
  return config;
}

TEST(UnitLevels, EveryLayerKeepsTheSamePartOfItsUnits) {
  const ModelConfig config = PocketShape();
  for (const uint32_t name : {200U, 350U, 500U, 900U}) {
    const Level level = UniformLevel(config, AllLayers(config), name, 1);
    EXPECT_EQ(level.name_permille, name);
    EXPECT_NEAR(TrueShare(config, level), name / 1000.0, 0.01);
    for (const LayerSlice& slice : level.layers) {
      EXPECT_NEAR(slice.neurons, level.layers.front().neurons, 1);
      EXPECT_NEAR(slice.kv_heads, level.layers.front().kv_heads, 1);
      EXPECT_EQ(slice.query_heads, 2 * slice.kv_heads) << "whole KV groups";
    }
  }
}

TEST(UnitLevels, LayersThatAreNotCutStayWhole) {
  const ModelConfig config = PocketShape();
  const Level level = UniformLevel(config, {1, 2, 3, 4}, 600, 1);
  EXPECT_NEAR(TrueShare(config, level), 0.6, 0.01);
  for (const size_t layer : {0U, 5U}) {
    EXPECT_EQ(level.layers[layer], (LayerSlice{8, 4, 512}));
  }
  EXPECT_LT(level.layers[1].neurons, 0.5 * 512);
}

TEST(UnitLevels, NoLayerKeepsFewerNeuronsThanAnAdaptersRankButSome) {
  EXPECT_EQ(AtLeast(0, 8), 0U);
  EXPECT_EQ(AtLeast(1, 8), 8U);
  EXPECT_EQ(AtLeast(9, 8), 9U);
  ModelConfig config = SixLayers();
  const Level level = UniformLevel(config, AllLayers(config), 100, 8);
  for (const LayerSlice& slice : level.layers) {
    EXPECT_TRUE(slice.neurons == 0 || slice.neurons >= 8) << slice.neurons;
  }
}

TEST(UnitLevels, TheBestUnitsComeFirst) {
  const ModelConfig config = SixLayers();
  UnitScores scores = StartUnitScores(config);
  MetricSums& sums = scores.of(ScoreMetric::kToken);
  sums.groups[1 * config.kv_heads + 2] = 5;
  sums.groups[1 * config.kv_heads + 0] = 3;
  sums.neurons[1 * config.neurons + 17] = 1;
  const UnitOrder order = OrderByScores(config, scores);
  EXPECT_THAT(order.layers[1].kv_heads, ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(order.layers[1].query_heads, ElementsAre(4, 5, 0, 1, 2, 3, 6, 7));
  EXPECT_EQ(order.layers[1].neurons.front(), 17U);
}

}  // namespace
}  // namespace elm
