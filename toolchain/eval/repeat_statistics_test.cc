#include "toolchain/eval/repeat_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace elm {
namespace {

using ::testing::ElementsAre;

// Ten per cent of noise that only slows down, as other programs do.
std::vector<double> NoisyTimes(uint64_t seed, size_t count, double typical) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> delay(10);
  std::vector<double> times(count);
  for (double& time : times) time = typical * (1 + delay(random));
  return times;
}

TEST(RepeatStatistics, RatiosPairWhatWasMeasuredTogether) {
  EXPECT_THAT(RatiosOf(std::vector<double>{2, 9}, std::vector<double>{1, 3}), ElementsAre(2, 3));
  EXPECT_EQ(MedianOf(std::vector<double>{5, 1, 2}), 2);
  EXPECT_EQ(MedianOf(std::vector<double>{4, 1, 2, 3}), 2.5);
}

TEST(RepeatStatistics, TheMediansIntervalIsThatOfTheSignTest) {
  // Six of six on one side have a chance of 1 / 64 < 0.025: all values make the interval.
  EXPECT_EQ(MedianRatio(std::vector<double>{6, 1, 2, 3, 4, 5}), (RatioEstimate{3.5, 1, 6}));
  // Of 15, at most three: P(X <= 3) = 0.0176, P(X <= 4) = 0.059.
  std::vector<double> values;
  for (int i = 1; i <= 15; ++i) values.push_back(i);
  EXPECT_EQ(MedianRatio(values), (RatioEstimate{8, 4, 12}));
  // Five say too little.
  const RatioEstimate few = MedianRatio(std::vector<double>{1, 2, 3, 4, 5});
  EXPECT_EQ(few.ratio, 3);
  EXPECT_EQ(few.low, 0);
  EXPECT_TRUE(std::isinf(few.high));
}

TEST(RepeatStatistics, TheShiftIsTheMedianOfAllPairs) {
  const std::vector<double> before = {1, 2, 4};
  const std::vector<double> after = {3, 6, 12};
  const RatioEstimate shift = ShiftRatio(before, after, 1);
  EXPECT_DOUBLE_EQ(shift.ratio, 3);
  // 9 / 2 - sqrt(9 * 7 / 12) + 1 / 2 = 2.7: the second lowest of .75 1.5 1.5 3 3 3 6 6 12.
  EXPECT_DOUBLE_EQ(shift.low, 1.5);
  EXPECT_DOUBLE_EQ(shift.high, 6);
  EXPECT_EQ(ShiftRatio(before, after, 3).low, 0) << "three of each say nothing at three sigma";
}

TEST(RepeatStatistics, AnOutlierMovesTheShiftLittle) {
  std::vector<double> before = NoisyTimes(1, 15, 10);
  const std::vector<double> after = NoisyTimes(2, 15, 10);
  before[3] *= 20;
  const RatioEstimate shift = ShiftRatio(before, after, 2);
  EXPECT_NEAR(shift.ratio, 1, 0.08);
  EXPECT_LT(shift.low, 1);
  EXPECT_GT(shift.high, 1);
}

TEST(RepeatStatistics, TheShiftsIntervalHoldsTheTruthAsOftenAsItSays) {
  int covered = 0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto seed = static_cast<uint64_t>(2 * trial);
    const RatioEstimate shift =
        ShiftRatio(NoisyTimes(seed, 12, 1), NoisyTimes(seed + 1, 12, 1.1), 1.96);
    if (shift.low <= 1.1 && 1.1 <= shift.high) ++covered;
  }
  // 95 % with a standard error of 1.1 %.
  EXPECT_GT(covered, kTrials * 0.91);
  EXPECT_LT(covered, kTrials * 0.99);
}

}  // namespace
}  // namespace elm
