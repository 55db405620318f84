// Element types of stored tensors, and the conversions between them and float32.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace elm {

// The values are stored in .elm files: never renumber.
enum class DType : uint8_t {
  kF32 = 1,
  kF16 = 2,   // IEEE 754 binary16
  kBf16 = 3,  // the upper half of a float32
};

constexpr size_t DTypeSize(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

// "f32", "f16", "bf16".
const char* DTypeName(DType dtype);
// Accepts any letter case, so safetensors' "BF16" too.
std::optional<DType> ParseDType(std::string_view name);

inline float Bf16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Round to nearest, ties to even; NaN stays a (quiet) NaN.
inline uint16_t FloatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<uint16_t>((bits >> 16) | 0x0040U);
  bits += 0x7fffU + ((bits >> 16) & 1U);
  return static_cast<uint16_t>(bits >> 16);
}

// Exact, subnormals and infinities included. Branch-free, so that loops over it vectorise.
inline float F16ToFloat(uint16_t half) {
  // Shift exponent and mantissa into float32's places and repair the exponent bias (127 - 15) with
  // one multiplication, which also normalises subnormals; infinities and NaN get the float's full
  // exponent.
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffU) << 13;
  const float scaled =
      std::bit_cast<float>(magnitude) * std::bit_cast<float>(0x77800000U);  // 2^112
  uint32_t bits = std::bit_cast<uint32_t>(scaled);
  bits |= magnitude >= 0x0f800000U ? 0x7f800000U : 0U;
  bits |= static_cast<uint32_t>(half & 0x8000U) << 16;
  return std::bit_cast<float>(bits);
}

// Round to nearest, ties to even; too large becomes infinity, NaN stays NaN.
uint16_t FloatToF16(float value);

// Converts between a packed array of `dtype` and float32. `bytes` may be unaligned; it holds
// values.size() * DTypeSize(dtype) bytes.
void DecodeToFloat(DType dtype, const std::byte* bytes, std::span<float> values);
void EncodeFromFloat(DType dtype, std::span<const float> values, std::byte* bytes);

}  // namespace elm
