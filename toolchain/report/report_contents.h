// What a report is made of: the files that it was given.
#pragma once

#include <string>
#include <vector>

#include "toolchain/baselines/baselines_report.h"
#include "toolchain/eval/eval_report.h"
#include "toolchain/trace/trace_results.h"

namespace elm {

// An evaluation under the name that the report gives it.
struct NamedReport {
  std::string name;
  EvalReport report;
};

struct NamedBaselines {
  std::string name;
  BaselinesReport report;
};

struct NamedTraces {
  std::string name;
  TraceResults results;
};

struct ReportContents {
  std::vector<NamedReport> evaluations = {};
  std::vector<NamedBaselines> baselines = {};
  std::vector<NamedTraces> traces = {};
};

// Reads a file of any schema that a report can show and adds it under its name without folder and
// ending. Throws elm::Error that names the file: no JSON, a schema that no section shows.
void AddReportFile(const std::string& path, ReportContents& contents);

}  // namespace elm
