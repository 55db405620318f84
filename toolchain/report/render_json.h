// Sections of a report as JSON, for programs that draw or check what the page shows.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "toolchain/report/report_section.h"

namespace elm {

inline constexpr char kReportSchema[] = "elm-report";
inline constexpr uint32_t kReportSchemaVersion = 1;

// {"schema", "schema_version", "sections": [{"title", "text", "charts", "tables", "notes"}]}.
nlohmann::json RenderJson(std::span<const ReportSection> sections);

// {"title", "x_title", "y_title", "x_min", "x_max", "y_min", "lines": [{"name", "strong", "dashed",
// "points": [{"x", "y"}]}]}; what the page's script draws.
nlohmann::json ChartJson(const ReportChart& chart);

}  // namespace elm
