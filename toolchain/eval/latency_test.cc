#include "toolchain/eval/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/model/testing/random_bundle.h"

namespace elm {
namespace {

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

TEST_F(LatencyTest, EveryLevelIsTimedAsOftenAsAskedFor) {
  const std::vector<size_t> levels = {0, 1};
  size_t last = 0;
  const auto latencies =
      MeasureLatency(model_, levels, {.prompt_tokens = 8, .output_tokens = 2, .repeats = 3},
                     [&](size_t done, size_t total) {
                       EXPECT_EQ(done, last + 1);
                       EXPECT_EQ(total, 8U);  // three repeats and a warm-up of each
                       last = done;
                     });
  EXPECT_EQ(last, 8U);
  ASSERT_THAT(latencies, SizeIs(2));
  for (const LevelLatency& latency : latencies) {
    EXPECT_THAT(latency.ttft_ms, Gt(0));
    EXPECT_THAT(latency.tpot_ms, Gt(0));
  }
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
