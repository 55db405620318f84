#include "toolchain/eval/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace elm {
namespace {

TEST(StatisticsTest, AMeanHasTheStandardErrorOfASample) {
  // Squared distances from 0.75: three times 1/16 and once 9/16, 3/4 in all; / 3 / 4 is 1/16.
  const Estimate mean = MeanOf(std::vector<double>{1, 0, 1, 1});
  EXPECT_DOUBLE_EQ(mean.value, 0.75);
  EXPECT_DOUBLE_EQ(mean.standard_error, 0.25);
  const Estimate sure = MeanOf(std::vector<double>{1, 1, 1});
  EXPECT_EQ(sure.value, 1);
  EXPECT_EQ(sure.standard_error, 0);
}

TEST(StatisticsTest, OneItemSaysNothingAboutTheSpread) {
  const Estimate mean = MeanOf(std::vector<double>{1});
  EXPECT_EQ(mean.value, 1);
  EXPECT_TRUE(std::isnan(mean.standard_error));
  EXPECT_THROW((void)MeanOf(std::vector<double>{}), std::invalid_argument);
}

TEST(StatisticsTest, ADifferenceIsTakenItemByItem) {
  // Differences 0 1 0 1 -1: mean 0.2, squared distances 2.8 in all; 2.8 / 4 / 5 is 0.14.
  const std::vector<double> a = {1, 1, 0, 1, 0};
  const std::vector<double> b = {1, 0, 0, 0, 1};
  const Estimate difference = PairedDifference(a, b);
  EXPECT_DOUBLE_EQ(difference.value, 0.2);
  EXPECT_DOUBLE_EQ(difference.standard_error, std::sqrt(0.14));
  EXPECT_DOUBLE_EQ(PairedDifference(b, a).value, -0.2);
  EXPECT_EQ(PairedDifference(a, a).standard_error, 0);
  EXPECT_THROW((void)PairedDifference(a, std::vector<double>{1}), std::invalid_argument);
}

TEST(StatisticsTest, PairingTakesTheItemsOwnDifficultyOutOfTheError) {
  // Ten easy and ten hard questions; b misses one easy one more.
  std::vector<double> a(20, 0);
  std::fill_n(a.begin(), 10, 1);
  std::vector<double> b = a;
  b[3] = 0;
  const double unpaired = std::hypot(MeanOf(a).standard_error, MeanOf(b).standard_error);
  EXPECT_LT(PairedDifference(a, b).standard_error, unpaired / 3);
}

TEST(StatisticsTest, FamiliesCountAlikeWhateverTheirSize) {
  const std::vector<Estimate> families = {{0.5, 0.3}, {0.7, 0.4}};
  const Estimate mean = MeanOfEstimates(families);
  EXPECT_DOUBLE_EQ(mean.value, 0.6);
  EXPECT_DOUBLE_EQ(mean.standard_error, 0.25);
}

TEST(StatisticsTest, ChanceIsTheZeroOfTheWay) {
  EXPECT_DOUBLE_EQ(FromChance(0.25, 0.25), 0);
  EXPECT_DOUBLE_EQ(FromChance(0.625, 0.25), 0.5);
  EXPECT_DOUBLE_EQ(FromChance(1, 0.25), 1);
  EXPECT_DOUBLE_EQ(FromChance(0.4, 0), 0.4);
  EXPECT_LT(FromChance(0.1, 0.25), 0);
}

}  // namespace
}  // namespace elm
