#include "formats/elm/weight_type.h"

#include <cctype>
#include <string>

namespace elm {

const char* WeightTypeName(WeightType type) {
  switch (type) {
    case WeightType::kF32:
    case WeightType::kF16:
    case WeightType::kBf16:
      return DTypeName(ElementType(type));
    case WeightType::kQ8:
      return "q8";
    case WeightType::kQ4:
      return "q4";
  }
  return "unknown";
}

std::optional<WeightType> ParseWeightType(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const WeightType type : kWeightTypes) {
    if (lower == WeightTypeName(type)) return type;
  }
  return std::nullopt;
}

}  // namespace elm
