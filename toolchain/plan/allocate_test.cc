#include "toolchain/plan/allocate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "toolchain/plan/testing/random_scores.h"

namespace elm {
namespace {

using testing::SevenBillion;
using testing::SmallConfig;

std::vector<std::vector<uint16_t>> ContiguousKvOf(const ModelConfig& config) {
  return FullLevelOnly(config).kv_of;
}

std::vector<uint32_t> Layers(uint32_t first, uint32_t end) {
  std::vector<uint32_t> layers(end - first);
  std::iota(layers.begin(), layers.end(), first);
  return layers;
}

uint64_t WeightsOf(const ModelConfig& config, const std::vector<LayerSlice>& slices) {
  uint64_t weights = 0;
  for (const LayerSlice& slice : slices) weights += SliceWeights(config, slice);
  return weights;
}

TEST(UniformAllocatorTest, DealsRemaindersToTheMostImportantLayers) {
  ModelConfig config = SmallConfig();
  config.layers = 3;
  const auto kv_of = ContiguousKvOf(config);
  const UniformAllocator allocator(config, UnitPolicy::kQueryHead, 32, {2, 0, 1}, kv_of);
  EXPECT_EQ(allocator.Whole(), (UnitTotals{18, 48}));
  const std::vector<LayerSlice> slices = allocator.Slices({7, 5});
  EXPECT_EQ(slices[2], (LayerSlice{3, 1, 64}));
  EXPECT_EQ(slices[0], (LayerSlice{2, 1, 64}));
  EXPECT_EQ(slices[1], (LayerSlice{2, 1, 32}));
}

TEST(UniformAllocatorTest, LastSnapIsShortWhenNeuronsAreNoMultiple) {
  ModelConfig config = SmallConfig();
  config.neurons = 172;
  config.layers = 1;
  const auto kv_of = ContiguousKvOf(config);
  const UniformAllocator allocator(config, UnitPolicy::kKvGroup, 32, {0}, kv_of);
  EXPECT_EQ(allocator.Whole(), (UnitTotals{2, 6}));
  EXPECT_EQ(allocator.Slices({0, 5})[0].neurons, 160U);
  EXPECT_EQ(allocator.Slices({0, 6})[0].neurons, 172U);
}

TEST(UniformAllocatorTest, WeightsAreThoseOfTheSlices) {
  ModelConfig config = SmallConfig();
  config.neurons = 172;
  // KV heads interleaved: the second query head brings the second KV head.
  const std::vector<std::vector<uint16_t>> kv_of(config.layers, {0, 1, 0, 1, 0, 1});
  const UniformAllocator allocator(config, UnitPolicy::kQueryHead, 32, {3, 1, 5, 0}, kv_of);
  for (uint64_t attention = 0; attention <= allocator.Whole().attention; ++attention) {
    for (uint64_t neurons = 0; neurons <= allocator.Whole().neurons; ++neurons) {
      const UnitTotals totals{attention, neurons};
      ASSERT_EQ(allocator.Weights(totals), WeightsOf(config, allocator.Slices(totals)));
    }
  }
  EXPECT_EQ(allocator.Weights(allocator.Whole()), allocator.AllWeights());
  EXPECT_EQ(allocator.Weights({0, 0}), allocator.AnchorWeights());
}

TEST(UniformAllocatorTest, HeadsAndNeuronsKeepTheSameFraction) {
  const ModelConfig config = SevenBillion();
  const auto kv_of = ContiguousKvOf(config);
  const UniformAllocator allocator(config, UnitPolicy::kKvGroup, 32, Layers(0, 32), kv_of);
  const UnitTotals whole = allocator.Whole();
  const auto all = static_cast<double>(allocator.AllWeights());
  for (double share : {0.05, 0.2, 0.37, 0.5, 0.81, 0.99}) {
    const UnitTotals totals = allocator.Solve(share * all, {});
    const double heads =
        static_cast<double>(totals.attention) / static_cast<double>(whole.attention);
    const double neurons = static_cast<double>(totals.neurons) / static_cast<double>(whole.neurons);
    EXPECT_NEAR(heads, neurons, 1.0 / 1024 + 1.0 / 11008);
    EXPECT_NEAR(static_cast<double>(allocator.Weights(totals)) / all, share, 1e-4);
  }
}

// No other totals that are as even come closer.
TEST(UniformAllocatorTest, FindsTheClosestOfTheEvenOnes) {
  ModelConfig config = SmallConfig();
  config.layers = 4;
  config.neurons = 172;
  const std::vector<std::vector<uint16_t>> kv_of(config.layers, {0, 1, 1, 0, 0, 1});
  const UniformAllocator allocator(config, UnitPolicy::kQueryHead, 32, {3, 1, 0}, kv_of);
  const UnitTotals whole = allocator.Whole();
  const auto fraction = [](uint64_t part, uint64_t all) {
    return static_cast<double>(part) / static_cast<double>(all);
  };
  const double one_unit = fraction(1, whole.attention) + fraction(1, whole.neurons);
  const auto all = static_cast<double>(allocator.AllWeights());
  for (int permille = 250; permille < 1000; permille += 10) {
    const double target = permille / 1000.0 * all;
    double best = all;
    for (uint64_t a = 0; a <= whole.attention; ++a) {
      for (uint64_t n = 0; n <= whole.neurons; ++n) {
        if (std::abs(fraction(a, whole.attention) - fraction(n, whole.neurons)) > one_unit)
          continue;
        best = std::min(best, std::abs(static_cast<double>(allocator.Weights({a, n})) - target));
      }
    }
    if (best > kLevelTolerance * all) continue;  // the units are too coarse for evenness
    const auto found = static_cast<double>(allocator.Weights(allocator.Solve(target, {})));
    EXPECT_DOUBLE_EQ(std::abs(found - target), best) << permille;
  }
}

TEST(UniformAllocatorTest, NeverFallsBelowTheLevelBefore) {
  const ModelConfig config = SmallConfig();
  const auto kv_of = ContiguousKvOf(config);
  const UniformAllocator allocator(config, UnitPolicy::kKvGroup, 32, Layers(1, 6), kv_of);
  const UnitTotals least{7, 60};
  EXPECT_EQ(allocator.Solve(0, least), least);
  EXPECT_EQ(allocator.Solve(1e18, least), allocator.Whole());
}

TEST(UniformAllocatorTest, NoElasticLayerMeansEverything) {
  const ModelConfig config = SmallConfig();
  const auto kv_of = ContiguousKvOf(config);
  const UniformAllocator allocator(config, UnitPolicy::kKvGroup, 32, {}, kv_of);
  EXPECT_EQ(allocator.Solve(0, {}), allocator.Whole());
  EXPECT_EQ(allocator.Weights(allocator.Whole()), allocator.AllWeights());
}

}  // namespace
}  // namespace elm
