#include "toolchain/eval/estimate_text.h"

#include <cmath>

#include "toolchain/base/quantities.h"

namespace elm {

std::string LossText(const Estimate& estimate, const char* format) {
  const std::string value = Format(format, estimate.value);
  if (std::isnan(estimate.standard_error)) return value;
  return value + Format(" ±%.4f", estimate.standard_error);
}

std::string OverheadText(const RatioEstimate& estimate) {
  const std::string value = Format("%+.1f%%", 100 * (estimate.ratio - 1));
  if (!std::isfinite(estimate.high)) return value;
  return value + Format(" (%+.1f to %+.1f)", 100 * (estimate.low - 1), 100 * (estimate.high - 1));
}

std::string MachineText(const MachineRates& machine) {
  return Format("%.1f GB/s", MedianOf(machine.read_bytes_per_second) / 1e9) +
         Format(", %.0f G ", MedianOf(machine.operations_per_second) / 1e9) + machine.operation +
         "/s";
}

}  // namespace elm
