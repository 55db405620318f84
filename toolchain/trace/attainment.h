// How many requests were served within their SLO.
#pragma once

#include <cstddef>

namespace elm {

// A request counts as met when some pair of levels was feasible for it and its latencies were
// within its limits: what nobody could have served in time is never counted as met, even if it was
// by luck. Fractions of requests arise where several policies are averaged.
struct Attainment {
  double met = 0;
  size_t feasible = 0;  // requests for which some pair of levels was
  size_t all = 0;

  void Add(bool request_feasible, double request_met) {
    ++all;
    if (!request_feasible) return;
    ++feasible;
    met += request_met;
  }

  // met / feasible, the definition; 1 where nothing was feasible.
  double share() const { return feasible == 0 ? 1 : met / static_cast<double>(feasible); }
  double of_all() const { return all == 0 ? 0 : met / static_cast<double>(all); }
};

}  // namespace elm
