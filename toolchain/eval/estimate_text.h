// Estimates as tables show them.
#pragma once

#include <string>

#include "toolchain/eval/latency.h"
#include "toolchain/eval/repeat_statistics.h"
#include "toolchain/eval/statistics.h"

namespace elm {

// "1.2345 ±0.0100".
std::string LossText(const Estimate& estimate, const char* format = "%.4f");

// "+4.2% (3.0 to 5.1)": what a ratio is above 1, and its interval where it is known.
std::string OverheadText(const RatioEstimate& estimate);

// "12.3 GB/s, 95 G float32 multiply-adds/s": medians over the rounds.
std::string MachineText(const MachineRates& machine);

}  // namespace elm
