#include "toolchain/trace/share_latency.h"

#include <gtest/gtest.h>

#include "toolchain/trace/testing/tables.h"

namespace elm {
namespace {

TEST(ShareLatencyTest, IsTheTablesOwnAtItsLevels) {
  const LatencyTable table = testing::ProportionalTable();
  const ShareLatency latency(table);
  EXPECT_NEAR(latency.Ttft(0.2, 100), 20, 0.01);
  EXPECT_NEAR(latency.Ttft(0.6, 100), 60, 0.01);
  EXPECT_NEAR(latency.Ttft(1.0, 100), 100, 0.01);
  EXPECT_DOUBLE_EQ(latency.Tpot(1.0, 500), 10);
}

TEST(ShareLatencyTest, LiesBetweenLevelsInBetween) {
  const LatencyTable table = testing::ProportionalTable();
  const ShareLatency latency(table);
  EXPECT_NEAR(latency.Ttft(0.35, 100), 35, 0.01);
  EXPECT_DOUBLE_EQ(latency.Tpot(0.75, 1), 7.5);
}

TEST(ShareLatencyTest, GoesOnBelowTheLightestLevelButNotToNothing) {
  const LatencyTable table = testing::ProportionalTable();
  const ShareLatency latency(table);
  EXPECT_DOUBLE_EQ(latency.Tpot(0.15, 1), 1.5);
  EXPECT_DOUBLE_EQ(latency.Tpot(0.01, 1), 1);
}

TEST(ShareLatencyTest, NothingIsSlowerThanTheWholeModel) {
  const LatencyTable table = testing::ProportionalTable();
  EXPECT_DOUBLE_EQ(ShareLatency(table).Tpot(1.2, 1), 10);
}

}  // namespace
}  // namespace elm
