// How the elements of a stored matrix are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/base/dtype.h"

namespace elm {

// The values are stored in .elm files: never renumber. The first three are those of DType.
enum class WeightType : uint8_t {
  kF32 = 1,
  kF16 = 2,
  kBf16 = 3,
  kQ8 = 4,  // integers -127..127, one f16 scale for each group of inputs of an output
  kQ4 = 5,  // integers -8..7, the same
};
inline constexpr WeightType kWeightTypes[] = {WeightType::kF32, WeightType::kF16, WeightType::kBf16,
                                              WeightType::kQ8, WeightType::kQ4};

// "f32", "f16", "bf16", "q8", "q4".
const char* WeightTypeName(WeightType type);
// Accepts any letter case.
std::optional<WeightType> ParseWeightType(std::string_view name);

constexpr bool IsQuantised(WeightType type) { return type >= WeightType::kQ8; }

constexpr WeightType ToWeightType(DType dtype) { return static_cast<WeightType>(dtype); }
// Of a type that is not quantised.
constexpr DType ElementType(WeightType type) { return static_cast<DType>(type); }

// Bits of one element, scales apart.
constexpr uint32_t ElementBits(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return 32;
    case WeightType::kF16:
    case WeightType::kBf16:
      return 16;
    case WeightType::kQ8:
      return 8;
    case WeightType::kQ4:
      break;
  }
  return 4;
}

// What is added to a quantised element before it is stored, so that it is never negative.
constexpr int ZeroPoint(WeightType type) { return type == WeightType::kQ8 ? 128 : 8; }
// The least and greatest quantised element.
constexpr int LeastCode(WeightType type) { return type == WeightType::kQ8 ? -127 : -8; }
constexpr int GreatestCode(WeightType type) { return type == WeightType::kQ8 ? 127 : 7; }

}  // namespace elm
