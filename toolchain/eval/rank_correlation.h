// Do two lists of scores put the same things first?
#pragma once

#include <span>
#include <vector>

namespace elm {

// Ranks from 1 (smallest); equal values share the average of their ranks.
std::vector<double> AverageRanks(std::span<const double> values);

// Spearman's rho: the correlation of the average ranks, in [-1, 1]. Both lists have the same
// length; a list whose values are all equal orders nothing, and the result is 0.
double RankCorrelation(std::span<const double> a, std::span<const double> b);

}  // namespace elm
