#include "toolchain/pipeline/progress.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(ProgressTest, ALogGetsNoLinesFromShortWork) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("work", Progress::Style::kLines);
    for (int i = 0; i <= 1000; ++i) progress.Update(i, 1000);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace elm
