#include "toolchain/cli/level_list.h"

#include <optional>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"

namespace elm {

std::vector<uint32_t> ParseLevelList(const std::string& flag,
                                     const std::vector<std::string>& names) {
  std::vector<uint32_t> levels;
  for (const std::string& name : names) {
    const std::optional<uint32_t> level = ParseLevelName(name);
    if (!level) {
      throw Error(InvalidArgument(flag, ": \"", name,
                                  "\" is no level; expected a share of the weights such as 0.5 or "
                                  "50%, above 0 and at most 1"));
    }
    levels.push_back(*level);
  }
  return levels;
}

}  // namespace elm
