#include "toolchain/base/quantities.h"

#include <cmath>
#include <cstddef>

namespace elm {

std::string FormatSeconds(double seconds) {
  if (seconds < 1) return Format("%.0f ms", seconds * 1000);
  if (seconds < 60) return Format("%.1f s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return Format("%lld min %02lld s", whole / 60, whole % 60);
  return Format("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1024) return Format("%d B", static_cast<int>(bytes));
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return Format(value < 10 ? "%.2f %s" : "%.1f %s", value, kUnits[unit]);
}

}  // namespace elm
