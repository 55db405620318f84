// What is said about repeated measurements.
#pragma once

#include <span>

namespace elm {

// The value below which the part `p` (0 to 1) of `values` lies, interpolated between neighbours;
// at least one value.
double Percentile(std::span<const double> values, double p);

struct Spread {
  double median = 0;
  double p10 = 0;
  double p90 = 0;
};

Spread SpreadOf(std::span<const double> values);

}  // namespace elm
