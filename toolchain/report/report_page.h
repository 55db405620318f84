// Evaluations as something to look at: one HTML page that needs no network, and the same tables as
// Markdown.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "toolchain/eval/eval_report.h"

namespace elm {

// An evaluation under the name that the page gives it.
struct NamedReport {
  std::string name;
  EvalReport report;
};

// Of each level, ascending: the name of a lighter level that answers at least as well by the mean
// accuracy, or nothing. Such a level is of no use.
std::vector<std::string> DominatedBy(const EvalReport& report);

// A heading and a table for each report, at least one; levels that are dominated are marked.
std::string ReportMarkdown(std::span<const NamedReport> reports);

// The same tables, and curves over the true share: mean accuracy of all reports, the families of
// the first, losses and latencies where they were measured. `chart_library` is Chart.js, which is
// written into the page.
std::string ReportPage(std::span<const NamedReport> reports, const std::string& chart_library);

}  // namespace elm
