// How a model's matrices are rounded to small integers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/base/status.h"
#include "formats/elm/weight_type.h"

namespace elm {

// Inputs that share a scale unless a user says otherwise; docs/quantisation.md has what was
// measured.
inline constexpr uint32_t kDefaultGroup = 64;

// What embedding and head are stored as unless a user says otherwise: q8 where the layers are q4,
// because they are a small part of the weights and cost more than their part of the loss; else what
// the layers are.
WeightType VocabularyType(WeightType layers);

// Refuses a group that no bundle can have; the message begins with the flag.
Status CheckGroup(const char* flag, uint32_t group);

enum class Rounding {
  kNearest,     // each group's largest magnitude meets the end of the range
  kLeastError,  // each group's scale leaves the least squared error of its weights
  kCalibrated,  // the least error of what the matrix computes on calibration text
};
inline constexpr Rounding kRoundings[] = {Rounding::kNearest, Rounding::kLeastError,
                                          Rounding::kCalibrated};

// "nearest", "least-error", "calibrated".
const char* RoundingName(Rounding rounding);
std::optional<Rounding> ParseRounding(std::string_view name);

}  // namespace elm
