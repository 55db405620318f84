#include "toolchain/trace/clustered_mean.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace elm {

Estimate ClusteredMean(std::span<const double> values, std::span<const uint32_t> clusters) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  std::map<uint32_t, double> deviations;
  for (size_t i = 0; i < values.size(); ++i) deviations[clusters[i]] += values[i] - mean;
  const auto groups = static_cast<double>(deviations.size());
  if (groups < 2) return {mean, std::numeric_limits<double>::quiet_NaN()};
  double squares = 0;
  for (const auto& [cluster, deviation] : deviations) squares += deviation * deviation;
  return {mean, std::sqrt(groups / (groups - 1) * squares) / count};
}

}  // namespace elm
