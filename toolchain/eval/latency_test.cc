#include "toolchain/eval/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/testing/temporary_directory.h"
#include "runtime/engine/testing/tiny_model.h"
#include "toolchain/model/testing/random_bundle.h"

namespace elm {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class LatencyTest : public ::testing::Test {
 protected:
  LatencyTest() {
    const MemoryCheckpoint checkpoint(TinyConfig(), 1);
    const UnitOrder order = RandomOrder(checkpoint.config(), /*whole_groups=*/true, 1);
    bundle_ = WriteRandomBundle(checkpoint, order, WeightType::kF32, folder_.Path("m.elm"));
    model_ = ValueOrThrow(Model::FromBundle(bundle_));
  }

  testing::TemporaryDirectory folder_;
  std::shared_ptr<const Bundle> bundle_;
  std::shared_ptr<const Model> model_;
};

constexpr size_t kProbeBytes = 1 << 20;

TEST_F(LatencyTest, EveryLevelIsTimedAsOftenAsAskedFor) {
  const std::vector<size_t> levels = {0, 1};
  size_t last = 0;
  const LatencyResult result = MeasureLatency(
      model_, levels, {.prompt_tokens = 8, .output_tokens = 2, .repeats = 3},
      [&](size_t done, size_t total) {
        EXPECT_EQ(done, last + 1);
        EXPECT_EQ(total, 8U);  // three repeats and a warm-up of each
        last = done;
      },
      kProbeBytes);
  EXPECT_EQ(last, 8U);
  ASSERT_THAT(result.levels, SizeIs(2));
  for (const LevelLatency& latency : result.levels) {
    for (const std::vector<double>* times : {&latency.rounds.ttft_ms, &latency.rounds.tpot_ms}) {
      EXPECT_THAT(*times, SizeIs(3));
      EXPECT_THAT(*times, Each(Gt(0)));
    }
    EXPECT_EQ(latency.ttft_ms, MedianOf(latency.rounds.ttft_ms));
    EXPECT_EQ(latency.tpot_ms, MedianOf(latency.rounds.tpot_ms));
    EXPECT_FALSE(latency.without_adapter);
  }
  EXPECT_THAT(result.machine.read_bytes_per_second, SizeIs(3));
  EXPECT_THAT(result.machine.read_bytes_per_second, Each(Gt(1e8)));
  EXPECT_THAT(result.machine.operations_per_second, SizeIs(3));
  EXPECT_THAT(result.machine.operations_per_second, Each(Gt(1e8)));
  EXPECT_EQ(result.machine.operation, "float32 multiply-adds");
}

TEST_F(LatencyTest, ALevelWithAnAdapterIsTimedWithoutItInTheSameRounds) {
  BundleContents contents = testing::SmallContents();
  contents.adapters = {{.level = 1, .rank = 4, .scale = 1}};
  const auto model = ValueOrThrow(testing::LoadSmallModel(contents));
  const std::vector<size_t> levels = {0, 1, 2};
  size_t requests = 0;
  const LatencyResult result = MeasureLatency(
      model, levels, {.prompt_tokens = 8, .output_tokens = 2, .repeats = 4},
      [&](size_t, size_t total) {
        ++requests;
        EXPECT_EQ(total, 20U);  // five rounds of three levels and one without adapter
      },
      kProbeBytes);
  EXPECT_EQ(requests, 20U);
  EXPECT_FALSE(result.levels[0].without_adapter);
  ASSERT_TRUE(result.levels[1].without_adapter);
  EXPECT_THAT(result.levels[1].without_adapter->ttft_ms, SizeIs(4));
  EXPECT_THAT(result.levels[1].without_adapter->tpot_ms, SizeIs(4));
  EXPECT_FALSE(result.levels[2].without_adapter);
}

TEST(AdapterOverheadTest, IsTheMedianOfTheRoundsRatios) {
  const LevelLatency latency =
      MakeLatency({.ttft_ms = {11, 24, 33}, .tpot_ms = {2, 2, 2}},
                  RequestTimes{.ttft_ms = {10, 20, 30}, .tpot_ms = {1, 2, 4}});
  EXPECT_EQ(latency.ttft_ms, 24);
  EXPECT_DOUBLE_EQ(OverheadOf(latency).ttft.ratio, 1.1);
  EXPECT_DOUBLE_EQ(OverheadOf(latency).tpot.ratio, 1);
}

TEST_F(LatencyTest, WhatDoesNotFitTheContextIsRefused) {
  const std::vector<size_t> levels = {0};
  const auto message = [&](const LatencyOptions& options) {
    try {
      MeasureLatency(model_, levels, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message({.prompt_tokens = 100000}), HasSubstr("100000"));
  EXPECT_THAT(message({.repeats = 0}), HasSubstr("repeat"));
  EXPECT_THAT(message({.prompt_tokens = 2, .output_tokens = 3}), HasSubstr("prompt"));
}

}  // namespace
}  // namespace elm
