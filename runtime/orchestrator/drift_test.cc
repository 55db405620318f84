#include "runtime/orchestrator/drift.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(DriftTest, StaysWhereTheTableIsRight) {
  DriftTracker tracker;
  for (int i = 0; i < 10; ++i) tracker.ObserveTtft(50, 50);
  EXPECT_EQ(tracker.drift(), LatencyDrift());
}

TEST(DriftTest, FollowsASlowDevice) {
  DriftTracker tracker;
  tracker.ObserveTtft(20, 10);
  EXPECT_DOUBLE_EQ(tracker.drift().ttft, 1.2);
  EXPECT_DOUBLE_EQ(tracker.drift().tpot, 1);
  for (int i = 0; i < 30; ++i) tracker.ObserveTtft(20, 10);
  EXPECT_NEAR(tracker.drift().ttft, 2, 0.01);
  for (int i = 0; i < 30; ++i) tracker.ObserveTtft(10, 10);
  EXPECT_NEAR(tracker.drift().ttft, 1, 0.01);
}

TEST(DriftTest, EachTimeByItself) {
  DriftTracker tracker;
  tracker.ObserveTpot(15, 10);
  tracker.ObserveTlm(5, 10);
  EXPECT_EQ(tracker.drift(), (LatencyDrift{1, 1.1, 0.9}));
}

TEST(DriftTest, OneOddRequestMovesLittle) {
  DriftTracker tracker;
  tracker.ObserveTtft(1e6, 1);
  EXPECT_DOUBLE_EQ(tracker.drift().ttft, 1 + DriftTracker::kWeight * (DriftTracker::kMost - 1));
  for (int i = 0; i < 100; ++i) tracker.ObserveTtft(1e-6, 1);
  EXPECT_GE(tracker.drift().ttft, DriftTracker::kLeast);
}

TEST(DriftTest, ATinyLmThatIsNotAskedIsForgiven) {
  DriftTracker tracker;
  for (int i = 0; i < 30; ++i) tracker.ObserveTlm(80, 10);
  EXPECT_NEAR(tracker.drift().tlm, 8, 0.01);
  for (int i = 0; i < 100; ++i) tracker.MissTlm();
  EXPECT_NEAR(tracker.drift().tlm, 1, 0.05);
  EXPECT_GE(tracker.drift().tlm, 1);
  for (int i = 0; i < 30; ++i) tracker.ObserveTlm(6, 10);
  const double fast = tracker.drift().tlm;
  tracker.MissTlm();
  EXPECT_EQ(tracker.drift().tlm, fast);
}

TEST(DriftTest, NothingIsLearntFromNothing) {
  DriftTracker tracker;
  tracker.ObserveTtft(0, 10);
  tracker.ObserveTtft(10, 0);
  tracker.ObserveTpot(-1, 10);
  EXPECT_EQ(tracker.drift(), LatencyDrift());
}

}  // namespace
}  // namespace elm
