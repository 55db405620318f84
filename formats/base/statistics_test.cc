#include "formats/base/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace elm {
namespace {

TEST(StatisticsTest, MedianAndTails) {
  const std::vector<double> values = {50, 10, 40, 20, 30};
  const Spread spread = SpreadOf(values);
  EXPECT_DOUBLE_EQ(spread.median, 30);
  EXPECT_DOUBLE_EQ(spread.p10, 14);  // four tenths of the way from 10 to 20
  EXPECT_DOUBLE_EQ(spread.p90, 46);
}

TEST(StatisticsTest, EvenCountsMeetInTheMiddle) {
  EXPECT_DOUBLE_EQ(SpreadOf(std::vector<double>{4, 1, 3, 2}).median, 2.5);
}

TEST(StatisticsTest, OneValueIsAllOfThem) {
  const Spread spread = SpreadOf(std::vector<double>{7});
  EXPECT_EQ(spread.median, 7);
  EXPECT_EQ(spread.p10, 7);
  EXPECT_EQ(spread.p90, 7);
}

TEST(StatisticsTest, OutliersDoNotMoveTheMedian) {
  EXPECT_EQ(SpreadOf(std::vector<double>{1, 1, 1, 1, 1000}).median, 1);
}

TEST(StatisticsTest, Ends) {
  const std::vector<double> values = {3, 1, 2};
  EXPECT_EQ(Percentile(values, 0), 1);
  EXPECT_EQ(Percentile(values, 1), 3);
}

}  // namespace
}  // namespace elm
