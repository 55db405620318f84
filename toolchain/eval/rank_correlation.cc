#include "toolchain/eval/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <stdexcept>

namespace elm {
namespace {

// Sum of (x - mean)(y - mean), where both are ranks of n values and so have the mean (n + 1) / 2.
double RankProduct(const std::vector<double>& x, const std::vector<double>& y) {
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mean) * (y[i] - mean);
  return sum;
}

}  // namespace

std::vector<double> AverageRanks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + end + 1) / 2;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

double RankCorrelation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    throw std::invalid_argument("rank correlation of lists that differ in length");
  const std::vector<double> a_ranks = AverageRanks(a);
  const std::vector<double> b_ranks = AverageRanks(b);
  const double spread = RankProduct(a_ranks, a_ranks) * RankProduct(b_ranks, b_ranks);
  return spread > 0 ? RankProduct(a_ranks, b_ranks) / std::sqrt(spread) : 0;
}

}  // namespace elm
