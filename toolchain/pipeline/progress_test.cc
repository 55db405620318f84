#include "toolchain/pipeline/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

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

TEST(ProgressTest, ALastBatchBeyondTheEndLeavesNoTime) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("work", Progress::Style::kBar);
    progress.Update(0, 1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    progress.Update(1010, 1000);
  }
  const std::string shown = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(shown, ::testing::HasSubstr("100 %  0 ms left"));
}

}  // namespace
}  // namespace elm
