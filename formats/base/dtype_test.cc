#include "formats/base/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace elm {
namespace {

// What a 16-bit float type's bits mean, straight from IEEE 754's definition, in double precision.
struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;

  double Value(uint16_t bits) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1) {
      return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  }

  uint16_t Infinity() const {
    return static_cast<uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits);
  }

  // Nearest, ties to even, by search among all magnitudes. Infinity counts as the next power of
  // two.
  uint16_t Round(double value) const {
    uint16_t low = 0;
    uint16_t high = Infinity();
    const double magnitude = std::abs(value);
    while (high - low > 1) {
      const auto middle = static_cast<uint16_t>(low + (high - low) / 2);
      (Value(middle) <= magnitude ? low : high) = middle;
    }
    const double above =
        high == Infinity() ? 2 * Value(Infinity() - (1 << mantissa_bits)) : Value(high);
    const double to_low = magnitude - Value(low);
    const double to_high = above - magnitude;
    const bool up = to_high < to_low || (to_high == to_low && low % 2 != 0);
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    return static_cast<uint16_t>(sign | (up ? high : low));
  }
};

constexpr SmallFloat kHalf{5, 10};
constexpr SmallFloat kBrain{8, 7};

void ExpectSame(float actual, double expected, uint32_t bits) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << bits;
  } else {
    ASSERT_EQ(static_cast<double>(actual), expected) << bits;
    ASSERT_EQ(std::signbit(actual), std::signbit(expected)) << bits;
  }
}

TEST(DTypeTest, EveryHalfDecodesExactlyAndRoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = F16ToFloat(half);
    ExpectSame(value, kHalf.Value(half), bits);
    if (!std::isnan(value)) {
      ASSERT_EQ(FloatToF16(value), half);
    }
  }
}

TEST(DTypeTest, EveryBf16DecodesExactlyAndRoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto brain = static_cast<uint16_t>(bits);
    const float value = Bf16ToFloat(brain);
    ExpectSame(value, kBrain.Value(brain), bits);
    if (!std::isnan(value)) {
      ASSERT_EQ(FloatToBf16(value), brain);
    }
  }
}

void ExpectRounds(float value) {
  ASSERT_EQ(FloatToF16(value), kHalf.Round(value)) << value;
  ASSERT_EQ(FloatToBf16(value), kBrain.Round(value)) << value;
}

TEST(DTypeTest, MidpointsRoundToEvenAndTheirNeighboursToTheNearest) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (uint32_t bits = 0; bits < kHalf.Infinity(); ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const double next = bits + 1 == kHalf.Infinity() ? 65536.0 : kHalf.Value(half + 1);
    const auto middle = static_cast<float>((kHalf.Value(half) + next) / 2);
    for (float value : {middle, std::nextafter(middle, 0.0F), std::nextafter(middle, infinity)}) {
      ExpectRounds(value);
      ExpectRounds(-value);
    }
  }
}

TEST(DTypeTest, RandomFloatsRoundAsInDoublePrecision) {
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) ExpectRounds(value);
  }
  ExpectRounds(std::numeric_limits<float>::max());
  ExpectRounds(std::numeric_limits<float>::denorm_min());
}

TEST(DTypeTest, NanStaysNanAndInfinityInfinity) {
  for (uint32_t bits : {0x7f800001U, 0x7fc00000U, 0xffffffffU, 0x7f8000ffU}) {
    const float nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(F16ToFloat(FloatToF16(nan)))) << bits;
    EXPECT_TRUE(std::isnan(Bf16ToFloat(FloatToBf16(nan)))) << bits;
  }
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(F16ToFloat(FloatToF16(-infinity)), -infinity);
  EXPECT_EQ(Bf16ToFloat(FloatToBf16(infinity)), infinity);
}

TEST(DTypeTest, Names) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    EXPECT_EQ(ParseDType(DTypeName(dtype)), dtype);
  }
  EXPECT_EQ(ParseDType("BF16"), DType::kBf16);
  for (const char* name : {"", "f", "f64", "bf16 ", "I8"})
    EXPECT_EQ(ParseDType(name), std::nullopt);
}

TEST(DTypeTest, ArraysConvertUnaligned) {
  const std::vector<float> values = {0.0F, -1.5F, 65504.0F, 0.25F, -0.0F};
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    std::vector<std::byte> bytes(values.size() * DTypeSize(dtype) + 1);
    EncodeFromFloat(dtype, values, bytes.data() + 1);
    std::vector<float> decoded(values.size());
    DecodeToFloat(dtype, bytes.data() + 1, decoded);
    std::vector<float> expected = values;
    if (dtype == DType::kBf16) expected[2] = 65536.0F;
    EXPECT_EQ(decoded, expected) << DTypeName(dtype);
    EncodeFromFloat(dtype, {}, nullptr);
    DecodeToFloat(dtype, nullptr, {});
  }
}

}  // namespace
}  // namespace elm
