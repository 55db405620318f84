#include "formats/base/dtype.h"

#include <cctype>
#include <string>

namespace elm {

const char* DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kBf16:
      return "bf16";
  }
  return "unknown";
}

std::optional<DType> ParseDType(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "f32") return DType::kF32;
  if (lower == "f16") return DType::kF16;
  if (lower == "bf16") return DType::kBf16;
  return std::nullopt;
}

uint16_t FloatToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return sign | 0x7e00U;   // NaN
  if (magnitude >= 0x477ff000U) return sign | 0x7c00U;  // rounds to at least 65520: infinity
  if (magnitude < 0x38800000U) {
    // Subnormal in binary16: adding 0.5 aligns the mantissa's last place with 2^-24, and the
    // addition itself rounds to nearest even.
    const float aligned = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(aligned) - 0x3f000000U));
  }
  const uint32_t rebiased = magnitude - 0x38000000U;
  const uint32_t rounded = rebiased + 0x0fffU + ((rebiased >> 13) & 1U);
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

void DecodeToFloat(DType dtype, const std::byte* bytes, std::span<float> values) {
  if (dtype == DType::kF32) {
    if (!values.empty()) std::memcpy(values.data(), bytes, values.size_bytes());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, sizeof bits);
    values[i] = dtype == DType::kF16 ? F16ToFloat(bits) : Bf16ToFloat(bits);
  }
}

void EncodeFromFloat(DType dtype, std::span<const float> values, std::byte* bytes) {
  if (dtype == DType::kF32) {
    if (!values.empty()) std::memcpy(bytes, values.data(), values.size_bytes());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = dtype == DType::kF16 ? FloatToF16(values[i]) : FloatToBf16(values[i]);
    std::memcpy(bytes + 2 * i, &bits, sizeof bits);
  }
}

}  // namespace elm
