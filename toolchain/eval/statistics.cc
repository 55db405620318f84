#include "toolchain/eval/statistics.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace elm {

Estimate MeanOf(std::span<const double> values) {
  if (values.empty()) throw std::invalid_argument("the mean of no values");
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (count - 1) / count)};
}

Estimate PairedDifference(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw std::invalid_argument("pairs of lists that differ in length");
  std::vector<double> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return MeanOf(differences);
}

Estimate MeanOfEstimates(std::span<const Estimate> estimates) {
  if (estimates.empty()) throw std::invalid_argument("the mean of no estimates");
  const auto count = static_cast<double>(estimates.size());
  Estimate mean;
  double squares = 0;
  for (const Estimate& estimate : estimates) {
    mean.value += estimate.value / count;
    squares += estimate.standard_error * estimate.standard_error;
  }
  mean.standard_error = std::sqrt(squares) / count;
  return mean;
}

double FromChance(double accuracy, double chance) { return (accuracy - chance) / (1 - chance); }

}  // namespace elm
