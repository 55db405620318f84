#include "toolchain/report/render_json.h"

namespace elm {
namespace {

using nlohmann::json;

json EndJson(const std::optional<double>& end) { return end ? json(*end) : json(); }

json TableJson(const ReportTable& table) {
  json rows = json::array();
  for (const ReportRow& row : table.rows) {
    json cells = json::array();
    for (const ReportCell& cell : row.cells) {
      cells.push_back({{"value", cell.value}, {"detail", cell.detail}});
    }
    rows.push_back({{"cells", cells}, {"faint", row.faint}, {"strong", row.strong}});
  }
  return {{"caption", table.caption}, {"heading", table.heading}, {"rows", rows}};
}

}  // namespace

json ChartJson(const ReportChart& chart) {
  json result = {{"title", chart.title},          {"x_title", chart.x_title},
                 {"y_title", chart.y_title},      {"x_min", EndJson(chart.x_min)},
                 {"x_max", EndJson(chart.x_max)}, {"y_min", EndJson(chart.y_min)},
                 {"lines", json::array()}};
  for (const ChartLine& line : chart.lines) {
    json points = json::array();
    for (const auto& [x, y] : line.points) points.push_back({{"x", x}, {"y", y}});
    result["lines"].push_back({{"name", line.name},
                               {"points", points},
                               {"strong", line.strong},
                               {"dashed", line.dashed}});
  }
  return result;
}

json RenderJson(std::span<const ReportSection> sections) {
  json result = {{"schema", kReportSchema},
                 {"schema_version", kReportSchemaVersion},
                 {"sections", json::array()}};
  for (const ReportSection& section : sections) {
    json charts = json::array();
    for (const ReportChart& chart : section.charts) charts.push_back(ChartJson(chart));
    json tables = json::array();
    for (const ReportTable& table : section.tables) tables.push_back(TableJson(table));
    result["sections"].push_back({{"title", section.title},
                                  {"text", section.text},
                                  {"charts", charts},
                                  {"tables", tables},
                                  {"notes", section.notes}});
  }
  return result;
}

}  // namespace elm
