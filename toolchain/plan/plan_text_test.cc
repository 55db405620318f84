#include "toolchain/plan/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/plan/testing/random_scores.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PlanTextTest, ShowsLevelsLayersAnchorsAndNotes) {
  const ModelConfig config = testing::SmallConfig();
  PlanResult result;
  result.plan.levels = FullLevelOnly(config);
  result.plan.levels.anchors = {0};
  Level half{500, std::vector<LayerSlice>(6, {3, 1, 256})};
  half.layers[0] = {6, 2, 512};
  half.layers[5] = {0, 0, 96};
  result.plan.levels.levels.insert(result.plan.levels.levels.begin(), half);
  result.reports = {{490, 0.5, true, true, "came out equal to level 0.5 and was merged with it"},
                    {500, 0.51234, false, false, ""},
                    {1000, 1.0, true, false, ""}};
  const std::string text = PlanText(config, result, DType::kF16);
  EXPECT_THAT(text, HasSubstr("0.5    0.5123   no "));
  EXPECT_THAT(text, HasSubstr("0* 6/2/512, 1-4 3/1/256, 5 0/0/96\n"));
  EXPECT_THAT(text, HasSubstr("0* 6/2/512, 1-5 6/2/512\n"));
  // 6 layers of (192 * 32 * 2 * 8 + 192 * 3 * 512) weights of two bytes.
  EXPECT_THAT(text, HasSubstr(" 4718592  0* 6/2/512"));
  EXPECT_THAT(text, HasSubstr("0.49   0.5000   yes                -  merged\n"));
  EXPECT_THAT(text, HasSubstr("level 0.49: came out equal to level 0.5"));
  EXPECT_THAT(text, Not(HasSubstr("level 0.5:")));
}

}  // namespace
}  // namespace elm
