// An evaluation as people read it.
#pragma once

#include <string>

#include "toolchain/eval/eval_report.h"

namespace elm {

// Tables with levels as rows and families as columns: accuracy with its standard error, the
// difference from the full level with its paired standard error, and how far from chance; then the
// texts' losses. What was not measured has no table. Ends with a line end.
std::string EvalReportText(const EvalReport& report);

}  // namespace elm
