#include "toolchain/plan/anchors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/plan/plan.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LayerScores WithImportance(std::vector<double> importance) {
  LayerScores scores;
  scores.sequences = 2;
  scores.loss_sum = 3;
  for (double value : importance) scores.skipped_loss_sum.push_back(3 + 2 * value);
  return scores;
}

TEST(AnchorsTest, LayersComeMostImportantFirst) {
  EXPECT_THAT(LayersByImportance(WithImportance({0.5, 4, 1, 4, -1})), ElementsAre(1, 3, 2, 0, 4));
}

TEST(AnchorsTest, AnchorsAreTheMostImportantInAscendingOrder) {
  const LayerScores scores = WithImportance({5, 1, 2, 9, 0.5, 0.1});
  EXPECT_THAT(ChooseAnchors(scores, 0.5), ElementsAre(0, 2, 3));
  EXPECT_THAT(ChooseAnchors(scores, 0.2), ElementsAre(3)) << "floor(1.2)";
  EXPECT_THAT(ChooseAnchors(scores, 0.16), IsEmpty()) << "floor(0.96)";
  EXPECT_THAT(ChooseAnchors(scores, 0), IsEmpty());
}

TEST(AnchorsTest, ShareIsNotCutShortByBinaryFractions) {
  std::vector<double> importance(100, 1.0);
  EXPECT_EQ(ChooseAnchors(WithImportance(importance), 0.29).size(), 29U);
}

}  // namespace
}  // namespace elm
