// What share of a validation set's questions is answered right at every pair of levels.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct AccuracyGrid {
  std::vector<uint32_t> prompt_levels_permille;  // P, ascending, 1 to 1000
  std::vector<uint32_t> model_levels_permille;   // M, ascending, 1 to 1000
  uint32_t items = 0;                            // questions that were asked at every pair
  std::vector<double> accuracy;                  // [P, M], 0 to 1
  std::vector<double> standard_error;            // [P, M], of the accuracy

  bool operator==(const AccuracyGrid&) const = default;

  size_t Index(size_t prompt_level, size_t model_level) const {
    return prompt_level * model_levels_permille.size() + model_level;
  }
};

// 1 to kLevels of TlmLimits each way, items >= 1, lists of P * M, accuracies within [0, 1],
// standard errors finite and not negative.
Status Validate(const AccuracyGrid& grid);

// `levels` ascend strictly and lie within 1 to 1000; `count` of them. `field` starts the message.
Status CheckPermille(const char* field, const std::vector<uint32_t>& levels, uint32_t least,
                     uint32_t most);

}  // namespace elm
