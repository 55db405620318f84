#include "toolchain/quantize/rounding.h"

#include <bit>

#include "formats/elm/layout.h"

namespace elm {

WeightType VocabularyType(WeightType layers) {
  return layers == WeightType::kQ4 ? WeightType::kQ8 : layers;
}

Status CheckGroup(const char* flag, uint32_t group) {
  constexpr uint32_t kSmallest = 32;
  if (std::has_single_bit(group) && group >= kSmallest && group <= layout::kMaxTileColumns) {
    return Status::Ok();
  }
  return InvalidArgument(flag, " is ", group, ", expected a power of two from ", kSmallest, " to ",
                         layout::kMaxTileColumns);
}

const char* RoundingName(Rounding rounding) {
  switch (rounding) {
    case Rounding::kNearest:
      return "nearest";
    case Rounding::kLeastError:
      return "least-error";
    case Rounding::kCalibrated:
      break;
  }
  return "calibrated";
}

std::optional<Rounding> ParseRounding(std::string_view name) {
  for (const Rounding rounding : kRoundings) {
    if (name == RoundingName(rounding)) return rounding;
  }
  return std::nullopt;
}

}  // namespace elm
