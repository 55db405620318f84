#include "toolchain/base/quantities.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

TEST(FormatSecondsTest, PicksTheUnitThatReadsBest) {
  EXPECT_EQ(FormatSeconds(0.85), "850 ms");
  EXPECT_EQ(FormatSeconds(4.2), "4.2 s");
  EXPECT_EQ(FormatSeconds(187), "3 min 07 s");
  EXPECT_EQ(FormatSeconds(7500), "2 h 05 min");
}

TEST(FormatBytesTest, PicksTheUnitThatReadsBest) {
  EXPECT_EQ(FormatBytes(812), "812 B");
  EXPECT_EQ(FormatBytes(4096), "4.00 KiB");
  EXPECT_EQ(FormatBytes(1299227607), "1.21 GiB");
}

}  // namespace
}  // namespace elm
