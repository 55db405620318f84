#include "formats/base/checked_math.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace elm {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(CheckedMathTest, AddKnowsItsLimit) {
  EXPECT_EQ(CheckedAdd(2, 3), 5U);
  EXPECT_EQ(CheckedAdd(kMax - 1, 1), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMax, kMax), std::nullopt);
}

TEST(CheckedMathTest, MulKnowsItsLimit) {
  EXPECT_EQ(CheckedMul(6, 7), 42U);
  EXPECT_EQ(CheckedMul(kMax, 1), kMax);
  EXPECT_EQ(CheckedMul(kMax, 0), 0U);
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 31), uint64_t{1} << 63);
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
}

TEST(CheckedMathTest, ProductOfAShape) {
  using Shape = std::vector<uint64_t>;
  EXPECT_EQ(CheckedProduct(Shape{}), 1U);
  EXPECT_EQ(CheckedProduct(Shape{3, 4, 5}), 60U);
  EXPECT_EQ(CheckedProduct(Shape{3, 0}), 0U);
  EXPECT_EQ(CheckedProduct(Shape{uint64_t{1} << 40, uint64_t{1} << 40}), std::nullopt);
}

TEST(CheckedMathTest, RangeFitsWithoutWrapping) {
  EXPECT_TRUE(RangeFits(0, 0, 0));
  EXPECT_TRUE(RangeFits(3, 7, 10));
  EXPECT_TRUE(RangeFits(10, 0, 10));
  EXPECT_FALSE(RangeFits(3, 8, 10));
  EXPECT_FALSE(RangeFits(11, 0, 10));
  EXPECT_FALSE(RangeFits(5, kMax - 2, 10)) << "5 + size wraps to 2";
}

TEST(CheckedMathTest, RoundsUp) {
  static_assert(CeilDiv(0, 4) == 0 && CeilDiv(1, 4) == 1 && CeilDiv(4, 4) == 1);
  EXPECT_EQ(CeilDiv(kMax, 2), uint64_t{1} << 63);
  EXPECT_EQ(AlignUp(0, 64), 0U);
  EXPECT_EQ(AlignUp(1, 64), 64U);
  EXPECT_EQ(AlignUp(64, 64), 64U);
  EXPECT_EQ(AlignUp(10, 3), 12U);
}

}  // namespace
}  // namespace elm
