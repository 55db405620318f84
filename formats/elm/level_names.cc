// Sections that name levels agree with the level table and with each other.

#include <algorithm>

#include "formats/elm/section_codec.h"

namespace elm {
namespace {

Status CheckAreLevels(const std::vector<uint32_t>& names, const LevelTable& levels) {
  for (const uint32_t name : names) {
    const auto found =
        std::find_if(levels.levels.begin(), levels.levels.end(),
                     [name](const Level& level) { return level.name_permille == name; });
    if (found == levels.levels.end()) {
      return Corruption("level ", LevelName(name), " is not in the level table");
    }
  }
  return Status::Ok();
}

}  // namespace

Status CheckLevelNames(const LevelTable& levels, const TlmSettings* tlm,
                       const LatencyTable* latency, const AccuracyGrid* accuracy) {
  if (tlm != nullptr) {
    ELM_RETURN_IF_ERROR(CheckAreLevels(tlm->model_levels_permille, levels).In("tiny LM"));
  }
  if (latency != nullptr) {
    ELM_RETURN_IF_ERROR(CheckAreLevels(latency->level_permille, levels).In("reference latency"));
  }
  if (accuracy == nullptr) return Status::Ok();
  ELM_RETURN_IF_ERROR(CheckAreLevels(accuracy->model_levels_permille, levels).In("accuracy"));
  if (tlm == nullptr) return Status::Ok();
  if (tlm->model_levels_permille != accuracy->model_levels_permille ||
      tlm->prompt_levels_permille != accuracy->prompt_levels_permille) {
    return Corruption("accuracy: the levels are not those of the tiny LM");
  }
  return Status::Ok();
}

}  // namespace elm
