// XXH3-64 as reports write it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace elm {

// Sixteen hexadecimal digits behind "xxh3:".
std::string HashText(uint64_t hash);

// Of the contents of one file, or of several one behind the other. Throws elm::Error.
std::string HashFiles(const std::vector<std::string>& paths);

}  // namespace elm
