#include "toolchain/quantize/rounding_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "formats/base/status.h"

namespace elm {

nlohmann::json RoundingJson(const ChosenRounding& chosen, const LevelTable& levels) {
  nlohmann::json json = {{"chosen", RoundingName(chosen.rounding)}};
  for (const RoundingCandidate& candidate : chosen.candidates) {
    nlohmann::json by_level;
    for (size_t i = 0; i < levels.levels.size(); ++i) {
      by_level[LevelName(levels.levels[i].name_permille)] = candidate.level_nll[i];
    }
    json["candidates"].push_back({{"rounding", RoundingName(candidate.rounding)},
                                  {"mean_nll", candidate.mean_nll},
                                  {"level_nll", std::move(by_level)}});
  }
  return json;
}

std::string RoundingText(const ChosenRounding& chosen) {
  std::string text = StrCat("rounding: ", RoundingName(chosen.rounding));
  if (!chosen.candidates.empty()) text += "; mean held-out loss over the levels:";
  for (const RoundingCandidate& candidate : chosen.candidates) {
    char nll[32];
    std::snprintf(nll, sizeof nll, "%.4f", candidate.mean_nll);
    text += StrCat(&candidate == &chosen.candidates.front() ? " " : ", ",
                   RoundingName(candidate.rounding), " ", nll);
  }
  return text;
}

}  // namespace elm
