// A latency table at any share of the weights, for models that are none of its levels.
#pragma once

#include "formats/model/latency_table.h"

namespace elm {

// Times at a true share of the weights: straight lines between the table's levels, whose names are
// their shares. Below the lightest level the line through the two lightest ones goes on, but never
// below half of the lightest level's time. `table` must be valid and outlive this.
class ShareLatency {
 public:
  explicit ShareLatency(const LatencyTable& table) : table_(table) {}

  const LatencyTable& table() const { return table_; }
  double Ttft(double share, double tokens) const;   // ms
  double Tpot(double share, double context) const;  // ms

 private:
  template <typename OfLevel>
  double At(double share, const OfLevel& of_level) const;

  const LatencyTable& table_;
};

}  // namespace elm
