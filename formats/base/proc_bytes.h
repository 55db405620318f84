// What Linux says of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace elm {

// The bytes that a file of "Field:  123 kB" lines, such as /proc/meminfo, gives for `field`;
// nothing where there is no such file or field.
std::optional<uint64_t> ProcBytes(const char* path, std::string_view field);

}  // namespace elm
