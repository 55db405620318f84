#include "formats/base/statistics.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace elm {

double Percentile(std::span<const double> values, double p) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double rank = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (rank - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Spread SpreadOf(std::span<const double> values) {
  return {Percentile(values, 0.5), Percentile(values, 0.1), Percentile(values, 0.9)};
}

}  // namespace elm
