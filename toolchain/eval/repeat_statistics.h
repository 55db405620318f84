// What repeated timings say. Times on a shared machine have outliers upwards, drift, and no known
// distribution: everything here goes by ranks.
#pragma once

#include <span>
#include <vector>

namespace elm {

// A ratio and the interval that the spread of the repeats leaves it.
struct RatioEstimate {
  double ratio = 1;
  double low = 0;  // 0 and infinity where there are too few repeats to say anything
  double high = 0;

  bool operator==(const RatioEstimate&) const = default;
};

double MedianOf(std::span<const double> values);  // of at least one

// a[i] / b[i]; measured side by side, so that what slows both down cancels.
std::vector<double> RatiosOf(std::span<const double> a, std::span<const double> b);

// The median of ratios that each come from one round, and its 95 % interval from the order
// statistics: the median lies between the k-th lowest and the k-th highest of n values unless fewer
// than k of them fell on one side, which is binomial whatever their distribution (the sign test).
RatioEstimate MedianRatio(std::span<const double> ratios);

// By what factor `after` lies above `before`, two independent series of positive values: the median
// of all after[j] / before[i] (Hodges and Lehmann 1963, on logarithms) and the interval that
// inverts the rank sum test (Mann and Whitney 1947; normal approximation with `z` standard
// deviations). It assumes no distribution, and up to 29 % of outliers move it little.
RatioEstimate ShiftRatio(std::span<const double> before, std::span<const double> after, double z);

}  // namespace elm
