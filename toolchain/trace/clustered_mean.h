// Means over requests of which some ask the same.
#pragma once

#include <cstdint>
#include <span>

#include "toolchain/eval/statistics.h"

namespace elm {

// Mean of `values`, at least one; values of one cluster (the same question in several traces) are
// not independent, so the standard error is that of the clusters:
//
//   sqrt(G / (G - 1) sum_g (sum_{i in g} (x_i - mean))^2) / n     over G clusters
//
// With a cluster for each value this is MeanOf(). NaN where there is one cluster. (Miller, "Adding
// Error Bars to Evals", arXiv 2411.00640, section 2.2.)
Estimate ClusteredMean(std::span<const double> values, std::span<const uint32_t> clusters);

}  // namespace elm
