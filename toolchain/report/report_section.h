// A part of a report: what it says in words, charts and tables. How it looks is decided where it is
// written: render_markdown.h, render_page.h, render_json.h.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace elm {

struct ReportCell {
  std::string value;
  std::string detail = {};  // in small type or brackets: a difference, an error

  bool operator==(const ReportCell&) const = default;
};

struct ReportRow {
  std::vector<ReportCell> cells;  // as many as the heading has; the first one names the row
  bool faint = false;             // of no use: a dominated level
  bool strong = false;            // what the others are held against
};

struct ReportTable {
  std::string caption;
  std::vector<std::string> heading;
  std::vector<ReportRow> rows;
};

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;
  bool strong = false;  // what the others are held against
  bool dashed = false;  // not measured: an ideal, chance
};

struct ReportChart {
  std::string title;
  std::string x_title;
  std::string y_title;
  std::vector<ChartLine> lines;
  // Ends of the axes; chosen by the points where they are absent.
  std::optional<double> x_min = {};
  std::optional<double> x_max = {};
  std::optional<double> y_min = {};
};

struct ReportSection {
  std::string title;
  std::string text;  // what it is about; may be empty
  std::vector<ReportChart> charts = {};
  std::vector<ReportTable> tables = {};
  std::vector<std::string> notes = {};  // behind the tables
};

}  // namespace elm
