#include "toolchain/eval/rank_correlation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace elm {
namespace {

using ::testing::ElementsAre;

using Values = std::vector<double>;

TEST(RankCorrelationTest, TiesShareTheAverageOfTheirRanks) {
  EXPECT_THAT(AverageRanks(Values{30, 10, 20}), ElementsAre(3, 1, 2));
  EXPECT_THAT(AverageRanks(Values{5, 1, 5, 5, 0}), ElementsAre(4, 2, 4, 4, 1));
  EXPECT_THAT(AverageRanks(Values{}), ElementsAre());
}

TEST(RankCorrelationTest, OnlyTheOrderCounts) {
  EXPECT_DOUBLE_EQ(RankCorrelation(Values{1, 2, 3, 4}, Values{1, 10, 1e3, 1e9}), 1);
  EXPECT_DOUBLE_EQ(RankCorrelation(Values{1, 2, 3, 4}, Values{8, 5, 2, -7}), -1);
}

TEST(RankCorrelationTest, EqualsSpearmansFormulaWithoutTies) {
  // Squared rank differences 1, 1, 1, 1, 0: 1 - 6 * 4 / (5 * 24).
  EXPECT_DOUBLE_EQ(RankCorrelation(Values{1, 2, 3, 4, 5}, Values{2, 1, 4, 3, 5}), 0.8);
}

TEST(RankCorrelationTest, TiesLowerIt) {
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
  EXPECT_NEAR(RankCorrelation(Values{1, 2, 2, 3}, Values{1, 2, 3, 4}), 0.948683298, 1e-9);
}

TEST(RankCorrelationTest, EqualValuesOrderNothing) {
  EXPECT_EQ(RankCorrelation(Values{1, 1, 1}, Values{1, 2, 3}), 0);
  EXPECT_EQ(RankCorrelation(Values{}, Values{}), 0);
}

TEST(RankCorrelationTest, RefusesListsOfDifferentLength) {
  EXPECT_THROW((void)RankCorrelation(Values{1, 2}, Values{1}), std::invalid_argument);
}

}  // namespace
}  // namespace elm
