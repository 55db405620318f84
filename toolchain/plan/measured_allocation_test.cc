#include "toolchain/plan/measured_allocation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "toolchain/plan/testing/random_scores.h"

namespace elm {
namespace {

using testing::SmallConfig;

std::vector<std::vector<uint16_t>> ContiguousKv(const ModelConfig& config) {
  return FullLevelOnly(config).kv_of;
}

// Every block loses `slope[block]` nats for each tenth of its units that goes.
BlockLosses Straight(const ModelConfig& config, const std::vector<double>& heads,
                     const std::vector<double>& neurons) {
  BlockLosses losses;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    losses.heads.push_back({{0, 10 * heads[layer]}, {config.query_heads, 0}});
    losses.neurons.push_back({{0, 10 * neurons[layer]}, {config.neurons, 0}});
  }
  return losses;
}

ModelConfig FourLayers() {
  ModelConfig config = SmallConfig();
  config.layers = 4;
  return config;
}

TEST(MeasuredAllocation, LevelsAreNestedAndOfTheirSize) {
  const ModelConfig config = FourLayers();
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> loss(0.01, 1.0);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> heads(4);
    std::vector<double> neurons(4);
    for (double& value : heads) value = loss(random);
    for (double& value : neurons) value = loss(random);
    const std::vector<uint32_t> names = {200, 350, 500, 800, 1000};
    std::vector<uint32_t> core;
    if (trial % 2 == 1) core = {1, 2};
    const auto slices = AllocateMeasured(config, UnitPolicy::kQueryHead, 4, ContiguousKv(config),
                                         Straight(config, heads, neurons), core, names);
    LevelTable table{{}, ContiguousKv(config), {}};
    for (size_t i = 0; i < names.size(); ++i) {
      table.levels.push_back({names[i], slices[i]});
      EXPECT_NEAR(TrueShare(config, table.levels[i]), names[i] / 1000.0, 0.03) << trial;
    }
    EXPECT_TRUE(Validate(table, config).ok()) << Validate(table, config).message();
  }
}

TEST(MeasuredAllocation, ALayerThatMattersMoreIsLeftWhole) {
  const ModelConfig config = FourLayers();
  const auto slices =
      AllocateMeasured(config, UnitPolicy::kKvGroup, 4, ContiguousKv(config),
                       Straight(config, {1, 9, 1, 1}, {1, 9, 1, 1}), {}, {500, 1000});
  const LayerSlice whole{config.query_heads, config.kv_heads, config.neurons};
  EXPECT_EQ(slices[0][1], whole);
  EXPECT_NE(slices[0][0], whole);
}

TEST(MeasuredAllocation, TheSmallestLevelsAreOfTheCoreAlone) {
  const ModelConfig config = FourLayers();
  const auto slices =
      AllocateMeasured(config, UnitPolicy::kKvGroup, 4, ContiguousKv(config),
                       Straight(config, {1, 1, 1, 9}, {1, 1, 1, 9}), {0, 2}, {150, 240, 500, 1000});
  const LayerSlice nothing;
  for (const size_t small : {0U, 1U}) {
    for (const uint32_t layer : {1U, 3U}) EXPECT_EQ(slices[small][layer], nothing) << small;
    EXPECT_NE(slices[small][0], nothing);
  }
  EXPECT_NE(slices[2][3], nothing) << "what matters most comes back first";
  EXPECT_GE(slices[2][0].neurons, slices[1][0].neurons);
}

// Against every table of a model small enough to try them all.
TEST(MeasuredAllocation, NoOtherTableOfThatSizeLosesLess) {
  ModelConfig config = SmallConfig();
  config.layers = 2;
  config.query_heads = config.kv_heads = 4;
  config.neurons = 16;
  const BlockLosses losses = {
      {{{0, 3.0}, {2, 0.4}, {4, 0}}, {{0, 1.0}, {1, 0.9}, {4, 0}}},
      {{{0, 2.0}, {4, 0.2}, {16, 0}}, {{0, 0.5}, {8, 0.4}, {16, 0}}},
  };
  const auto at = [](const std::vector<BlockLoss>& block, uint32_t kept) {
    for (size_t i = 0; i + 1 < block.size(); ++i) {
      if (kept > block[i + 1].kept) continue;
      const double way =
          static_cast<double>(kept - block[i].kept) / (block[i + 1].kept - block[i].kept);
      return block[i].increase + way * (block[i + 1].increase - block[i].increase);
    }
    return 0.0;
  };
  const auto predicted = [&](const std::vector<LayerSlice>& slices) {
    double sum = 0;
    for (size_t layer = 0; layer < slices.size(); ++layer) {
      sum += at(losses.heads[layer], slices[layer].query_heads) +
             at(losses.neurons[layer], slices[layer].neurons);
    }
    return sum;
  };
  const auto solved = AllocateMeasured(config, UnitPolicy::kQueryHead, 4, ContiguousKv(config),
                                       losses, {}, {500, 1000})[0];
  const double share = TrueShare(config, {500, solved});
  for (uint32_t code = 0; code < 625; ++code) {
    std::vector<LayerSlice> other(2);
    uint32_t rest = code;
    for (LayerSlice& slice : other) {
      slice.query_heads = slice.kv_heads = rest % 5;
      slice.neurons = rest / 5 % 5 * 4;
      rest /= 25;
    }
    if (std::abs(TrueShare(config, {500, other}) - share) > 1e-9) continue;
    EXPECT_LE(predicted(solved), predicted(other) + 1e-9) << code;
  }
}

}  // namespace
}  // namespace elm
