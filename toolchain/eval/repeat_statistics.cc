#include "toolchain/eval/repeat_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "formats/base/statistics.h"

namespace elm {
namespace {

// Of each side of the sign test's interval.
constexpr double kTail = 0.025;

// P(X <= k) of n throws of a fair coin.
double BinomialTail(size_t n, size_t k) {
  double term = std::pow(0.5, static_cast<double>(n));
  double sum = 0;
  for (size_t i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

// `cut` of the sorted values lie below the interval and as many above it.
RatioEstimate Interval(std::vector<double> values, double cut) {
  std::sort(values.begin(), values.end());
  RatioEstimate estimate{MedianOf(values), 0, std::numeric_limits<double>::infinity()};
  const auto count = static_cast<double>(values.size());
  if (cut < 0 || 2 * cut >= count) return estimate;
  const auto skipped = static_cast<size_t>(cut);
  estimate.low = values[skipped];
  estimate.high = values[values.size() - 1 - skipped];
  return estimate;
}

}  // namespace

double MedianOf(std::span<const double> values) { return Percentile(values, 0.5); }

std::vector<double> RatiosOf(std::span<const double> a, std::span<const double> b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) ratios.push_back(a[i] / b[i]);
  return ratios;
}

RatioEstimate MedianRatio(std::span<const double> ratios) {
  const size_t n = ratios.size();
  // The largest number of values below the interval's end that chance makes rare enough.
  double cut = -1;
  for (size_t k = 0; 2 * k < n && BinomialTail(n, k) <= kTail; ++k) cut = static_cast<double>(k);
  return Interval({ratios.begin(), ratios.end()}, cut);
}

RatioEstimate ShiftRatio(std::span<const double> before, std::span<const double> after, double z) {
  std::vector<double> ratios;
  for (const double b : before) {
    for (const double a : after) ratios.push_back(a / b);
  }
  const auto n = static_cast<double>(before.size());
  const auto m = static_cast<double>(after.size());
  // Pairs with after < before have the mean n m / 2 and the variance n m (n + m + 1) / 12. The
  // interval begins at the k-th lowest pair when fewer than k of them are rare enough; the half
  // corrects for a whole number being taken for a continuous one.
  const double k = std::floor(n * m / 2 - z * std::sqrt(n * m * (n + m + 1) / 12) + 0.5);
  return Interval(std::move(ratios), k - 1);
}

}  // namespace elm
