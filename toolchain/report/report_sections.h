// Which sections a report has.
#pragma once

#include <vector>

#include "toolchain/report/report_contents.h"
#include "toolchain/report/report_section.h"

namespace elm {

// Everything that a report says about these files, in the order in which it is read. A new kind of
// file adds its sections here.
std::vector<ReportSection> ReportSections(const ReportContents& contents);

}  // namespace elm
