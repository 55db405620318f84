// Sections of a report as one HTML page that holds everything that it shows: it opens offline, on a
// phone too, light or dark.
#pragma once

#include <span>
#include <string>

#include "toolchain/report/report_section.h"

namespace elm {

// `chart_library` is Chart.js, which is written into the page.
std::string RenderPage(std::span<const ReportSection> sections, const std::string& chart_library);

}  // namespace elm
