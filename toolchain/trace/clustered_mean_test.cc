#include "toolchain/trace/clustered_mean.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace elm {
namespace {

TEST(ClusteredMeanTest, WithAClusterForEachValueIsTheOrdinaryError) {
  const std::vector<double> values = {1, 0, 0, 1, 1, 0.5};
  const std::vector<uint32_t> clusters = {0, 1, 2, 3, 4, 5};
  const Estimate clustered = ClusteredMean(values, clusters);
  const Estimate ordinary = MeanOf(values);
  EXPECT_DOUBLE_EQ(clustered.value, ordinary.value);
  EXPECT_NEAR(clustered.standard_error, ordinary.standard_error, 1e-12);
}

TEST(ClusteredMeanTest, TheSameQuestionAskedThriceSaysNoMoreThanOnce) {
  const std::vector<double> once = {1, 0, 0, 1};
  std::vector<double> thrice;
  std::vector<uint32_t> clusters;
  for (int copy = 0; copy < 3; ++copy) {
    for (uint32_t i = 0; i < once.size(); ++i) {
      thrice.push_back(once[i]);
      clusters.push_back(i);
    }
  }
  EXPECT_NEAR(ClusteredMean(thrice, clusters).standard_error, MeanOf(once).standard_error, 1e-12);
  EXPECT_LT(MeanOf(thrice).standard_error, MeanOf(once).standard_error);
}

TEST(ClusteredMeanTest, OneClusterSaysNothingAboutTheSpread) {
  EXPECT_TRUE(std::isnan(
      ClusteredMean(std::vector<double>{1, 0}, std::vector<uint32_t>{7, 7}).standard_error));
}

}  // namespace
}  // namespace elm
