// Results of traces as people read them.
#pragma once

#include <string>

#include "toolchain/trace/trace_results.h"

namespace elm {

// A table for each set-up: policies are rows; accuracy with its standard error for each alpha,
// attainment, and how far ours is ahead with its 95 % interval. Ends with a line end.
std::string TraceResultsText(const TraceResults& results);

}  // namespace elm
