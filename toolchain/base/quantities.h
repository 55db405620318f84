// Seconds and bytes as people read them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace elm {

// printf into a string of at most 127 bytes.
template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 128> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, args...);
  return buffer.data();
}

// "850 ms", "4.2 s", "3 min 07 s", "2 h 05 min".
std::string FormatSeconds(double seconds);
// "812 B", "4.00 KiB", "1.21 GiB".
std::string FormatBytes(uint64_t bytes);

}  // namespace elm
