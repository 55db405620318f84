// Sections about the levels of elastic models.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "toolchain/report/report_contents.h"
#include "toolchain/report/report_section.h"

namespace elm {

// Of each level, ascending: the name of a lighter level that answers at least as well by the mean
// accuracy, or nothing. Such a level is of no use.
std::vector<std::string> DominatedBy(const EvalReport& report);

// Curves of quality over cost, one line for each evaluation, at least one.
ReportSection CurvesSection(std::span<const NamedReport> reports);

// One evaluation in full: what each level answers, what it costs, what its adapter brings. The row
// of level 1.0 is the dense model.
ReportSection LevelsSection(const NamedReport& named);

// Under which circumstances the questions were asked, in one line.
std::string Circumstances(const EvalReport& report);

}  // namespace elm
