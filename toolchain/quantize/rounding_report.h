// What was found when a rounding was chosen, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "formats/model/level_table.h"
#include "toolchain/quantize/choose_rounding.h"

namespace elm {

// {"chosen": "calibrated", "candidates": [{"rounding", "mean_nll", "level_nll": {"0.5": 1.2}}]}.
nlohmann::json RoundingJson(const ChosenRounding& chosen, const LevelTable& levels);

// "rounding: calibrated; mean held-out loss over the levels: least-error 1.2500,
// calibrated 1.2100".
std::string RoundingText(const ChosenRounding& chosen);

}  // namespace elm
