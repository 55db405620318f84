// Lists of levels on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace elm {

// "0.5" or "50%" to thousandths, each. Throws elm::Error that names `flag` and the word.
std::vector<uint32_t> ParseLevelList(const std::string& flag,
                                     const std::vector<std::string>& names);

}  // namespace elm
