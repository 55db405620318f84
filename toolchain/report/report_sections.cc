#include "toolchain/report/report_sections.h"

#include <utility>

#include "toolchain/report/baseline_section.h"
#include "toolchain/report/level_sections.h"
#include "toolchain/report/trace_section.h"

namespace elm {

std::vector<ReportSection> ReportSections(const ReportContents& contents) {
  std::vector<ReportSection> sections;
  if (!contents.evaluations.empty()) sections.push_back(CurvesSection(contents.evaluations));
  for (ReportSection& section : BaselineSections(contents)) sections.push_back(std::move(section));
  for (ReportSection& section : TraceSections(contents)) sections.push_back(std::move(section));
  for (const NamedReport& named : contents.evaluations) sections.push_back(LevelsSection(named));
  return sections;
}

}  // namespace elm
