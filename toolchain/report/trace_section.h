// Traces: requests of several apps with their SLOs, served by the elastic model and by others.
#pragma once

#include <vector>

#include "toolchain/report/report_contents.h"
#include "toolchain/report/report_section.h"

namespace elm {

// For each file one section for each set-up that it holds: (a) on the device's own clock, (b) in a
// big LLM's economics.
std::vector<ReportSection> TraceSections(const ReportContents& contents);

}  // namespace elm
