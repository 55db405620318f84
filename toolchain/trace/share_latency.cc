#include "toolchain/trace/share_latency.h"

#include <algorithm>

namespace elm {

template <typename OfLevel>
double ShareLatency::At(double share, const OfLevel& of_level) const {
  const auto& names = table_.level_permille;
  const double permille = 1000 * share;
  if (names.size() == 1) return of_level(0);
  // The segment that holds the share, or the outermost one on its side.
  size_t above = 1;
  while (above + 1 < names.size() && names[above] < permille) ++above;
  const double low = of_level(above - 1);
  const double high = of_level(above);
  const double part = (permille - names[above - 1]) / (names[above] - names[above - 1]);
  const double value = low + std::min(part, 1.0) * (high - low);
  return std::max(value, of_level(0) / 2);
}

double ShareLatency::Ttft(double share, double tokens) const {
  return At(share, [&](size_t level) { return table_.Ttft(level, tokens); });
}

double ShareLatency::Tpot(double share, double context) const {
  return At(share, [&](size_t level) { return table_.Tpot(level, context); });
}

}  // namespace elm
