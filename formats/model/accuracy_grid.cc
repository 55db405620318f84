#include "formats/model/accuracy_grid.h"

#include <cmath>

#include "formats/model/tlm_config.h"

namespace elm {

Status CheckPermille(const char* field, const std::vector<uint32_t>& levels, uint32_t least,
                     uint32_t most) {
  constexpr uint32_t kWhole = 1000;
  if (levels.size() < least || levels.size() > most) {
    return Corruption(field, " has ", levels.size(), " entries, expected ",
                      least == most ? StrCat(least) : StrCat(least, " to ", most));
  }
  uint32_t previous = 0;
  for (const uint32_t level : levels) {
    if (level <= previous || level > kWhole) {
      return Corruption(field, " holds ", level, " behind ", previous,
                        ", expected ascending numbers from 1 to ", kWhole);
    }
    previous = level;
  }
  return Status::Ok();
}

Status Validate(const AccuracyGrid& grid) {
  ELM_RETURN_IF_ERROR(
      CheckPermille("prompt_levels_permille", grid.prompt_levels_permille, 1, TlmLimits::kLevels));
  ELM_RETURN_IF_ERROR(
      CheckPermille("model_levels_permille", grid.model_levels_permille, 1, TlmLimits::kLevels));
  if (grid.items == 0) return Corruption("items is 0, expected at least 1");
  const size_t cells = grid.prompt_levels_permille.size() * grid.model_levels_permille.size();
  if (grid.accuracy.size() != cells || grid.standard_error.size() != cells) {
    return Corruption("accuracy has ", grid.accuracy.size(), " cells and standard_error ",
                      grid.standard_error.size(), ", expected ", cells);
  }
  for (size_t i = 0; i < cells; ++i) {
    // Written so that NaN fails.
    if (!(grid.accuracy[i] >= 0 && grid.accuracy[i] <= 1)) {
      return Corruption("accuracy[", i, "] is ", grid.accuracy[i], ", expected 0 to 1");
    }
    if (!(grid.standard_error[i] >= 0 && std::isfinite(grid.standard_error[i]))) {
      return Corruption("standard_error[", i, "] is ", grid.standard_error[i],
                        ", expected a finite number that is not negative");
    }
  }
  return Status::Ok();
}

}  // namespace elm
