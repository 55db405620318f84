// The published alternatives beside the elastic model.
#pragma once

#include <vector>

#include "toolchain/report/report_contents.h"
#include "toolchain/report/report_section.h"

namespace elm {

// One section for each table that each file of `elmc baselines` holds: as published, and after the
// same recovery. Differences are those of Leads() (toolchain/baselines/baselines_text.h).
std::vector<ReportSection> BaselineSections(const ReportContents& contents);

}  // namespace elm
