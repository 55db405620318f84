// Sections of a report as Markdown.
#pragma once

#include <span>
#include <string>

#include "toolchain/report/report_section.h"

namespace elm {

// Headings, words, tables and notes; of charts the page alone has curves.
std::string RenderMarkdown(std::span<const ReportSection> sections);

}  // namespace elm
