#include "toolchain/report/report_page.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/model/level_table.h"

namespace elm {
namespace {

using nlohmann::json;

std::string Format(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

// "71.5 ±3.2", in hundredths.
std::string Percent(const Estimate& estimate, const char* format = "%.1f") {
  const std::string value = Format(format, 100 * estimate.value);
  if (std::isnan(estimate.standard_error)) return value;
  return value + Format(" ±%.1f", 100 * estimate.standard_error);
}

struct Table {
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> rows;
};

Table TableOf(const EvalReport& report) {
  Table table{{"level", "true share"}, {}};
  for (const EvalFamily& family : report.families) table.heading.push_back(family.name);
  const bool tasks = !report.families.empty();
  if (tasks) table.heading.insert(table.heading.end(), {"mean", "from level 1.0"});
  for (const EvalText& text : report.texts) table.heading.push_back("nll " + text.name);
  if (report.latency) {
    table.heading.insert(table.heading.end(), {"TTFT ms", "of full", "TPOT ms", "of full"});
  }
  table.heading.emplace_back("");
  const LevelScores* full = report.full();
  const std::vector<std::string> dominated = DominatedBy(report);
  for (size_t i = 0; i < report.levels.size(); ++i) {
    const LevelScores& level = report.levels[i];
    std::vector<std::string> row = {LevelName(level.name_permille),
                                    Format("%.1f %%", 100 * level.reached_share)};
    for (const FamilyScore& family : level.families) row.push_back(Percent(Accuracy(family)));
    if (tasks) {
      row.push_back(Percent(MeanAccuracy(level)));
      row.push_back(full == nullptr || full == &level
                        ? ""
                        : Percent(MeanAccuracyDifference(level, *full), "%+.1f"));
    }
    for (const TextScore& text : level.texts) {
      const Estimate loss = TextLoss(text);
      row.push_back(Format("%.3f", loss.value) + Format(" ±%.3f", loss.standard_error));
    }
    if (report.latency) {
      const auto add = [&](double LevelLatency::*time) {
        row.push_back(level.latency ? Format("%.2f", *level.latency.*time) : "");
        const bool both = level.latency && full != nullptr && full->latency;
        row.push_back(
            both ? Format("%.0f %%", 100 * (*level.latency.*time) / (*full->latency.*time)) : "");
      };
      add(&LevelLatency::ttft_ms);
      add(&LevelLatency::tpot_ms);
    }
    row.push_back(dominated[i].empty() ? "" : "dominated by " + dominated[i]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Under which circumstances, in one line.
std::string Circumstances(const EvalReport& report) {
  const EvalConditions& conditions = report.conditions;
  std::string text = report.model_form + ", engine " + conditions.engine + " (" +
                     conditions.arithmetic + "), split " + conditions.split + ", elmc " +
                     report.tool_version;
  if (conditions.drop != "none") {
    text +=
        ", contexts " + conditions.drop + Format(", %.0f %% of words kept", 100 * conditions.keep);
  }
  if (report.latency) {
    text += StrCat("; latency: ", report.latency->prompt_tokens, " tokens in, ",
                   report.latency->output_tokens, " out, medians of ", report.latency->repeats);
  }
  return text;
}

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string HtmlTable(const Table& table) {
  std::string html = "<div class=\"table\"><table><thead><tr>";
  for (const std::string& cell : table.heading) html += "<th>" + Escaped(cell) + "</th>";
  html += "</tr></thead><tbody>";
  for (const std::vector<std::string>& row : table.rows) {
    html += row.back().empty() ? "<tr>" : "<tr class=\"dominated\">";
    for (const std::string& cell : row) html += "<td>" + Escaped(cell) + "</td>";
    html += "</tr>";
  }
  return html + "</tbody></table></div>\n";
}

// One line of a chart: points of (true share in per cent, value).
struct Line {
  std::string name;
  json points = json::array();
};

json ChartOf(const std::string& title, const std::string& unit, const std::vector<Line>& lines) {
  json chart = {{"title", title}, {"unit", unit}, {"lines", json::array()}};
  for (const Line& line : lines) {
    chart["lines"].push_back({{"name", line.name}, {"points", line.points}});
  }
  return chart;
}

// A line through all levels of a report that `value` gives a number for.
template <typename Value>
Line LineOf(const std::string& name, const EvalReport& report, const Value& value) {
  Line line{name};
  for (const LevelScores& level : report.levels) {
    const double y = value(level);
    if (!std::isfinite(y)) continue;
    line.points.push_back({{"x", 100 * level.reached_share}, {"y", y}});
  }
  return line;
}

json Charts(std::span<const NamedReport> reports) {
  json charts = json::array();
  std::vector<Line> means;
  std::vector<Line> losses;
  for (const auto& [name, report] : reports) {
    if (!report.families.empty()) {
      means.push_back(LineOf(
          name, report, [](const LevelScores& level) { return 100 * MeanAccuracy(level).value; }));
    }
    for (size_t i = 0; i < report.texts.size(); ++i) {
      losses.push_back(
          LineOf(name + ": " + report.texts[i].name, report,
                 [i](const LevelScores& level) { return TextLoss(level.texts[i]).value; }));
    }
  }
  const EvalReport& first = reports.front().report;
  if (!means.empty()) charts.push_back(ChartOf("Mean accuracy", "per cent", means));
  if (first.families.size() > 1) {
    std::vector<Line> families;
    for (size_t i = 0; i < first.families.size(); ++i) {
      families.push_back(LineOf(first.families[i].name, first, [i](const LevelScores& level) {
        return 100 * Accuracy(level.families[i]).value;
      }));
    }
    charts.push_back(ChartOf("Accuracy by task, " + reports.front().name, "per cent", families));
  }
  if (!losses.empty()) charts.push_back(ChartOf("Loss", "nats per token", losses));
  const LevelScores* full = first.full();
  if (first.latency && full != nullptr && full->latency) {
    const auto share = [&](double LevelLatency::*time) {
      return [full, time](const LevelScores& level) {
        return level.latency ? 100 * (*level.latency.*time) / (*full->latency.*time) : NAN;
      };
    };
    charts.push_back(ChartOf("Latency, " + reports.front().name, "per cent of level 1.0",
                             {LineOf("TTFT", first, share(&LevelLatency::ttft_ms)),
                              LineOf("TPOT", first, share(&LevelLatency::tpot_ms))}));
  }
  return charts;
}

// JSON inside a script element: nothing in it can look like a tag.
std::string ForScript(const json& value) {
  std::string text;
  for (const char c : value.dump()) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

constexpr char kHead[] = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>elm: levels</title>
<style>
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --line: #d5dbe1; --faint: #66717c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --paper: #15191d; --line: #323a42; --faint: #98a3ae; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       margin: 0 auto; max-width: 1100px; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem; }
p { color: var(--faint); margin: 0 0 .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; }
.charts figure { margin: 0; } .charts figcaption { font-weight: 600; margin-bottom: .3rem; }
.plot { position: relative; height: 19rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; } th:first-child, td:first-child { text-align: left; font-weight: 600; }
tr.dominated td { color: var(--faint); }
</style></head><body>
)";

constexpr char kScript[] = R"(
const style = getComputedStyle(document.documentElement);
const dark = matchMedia('(prefers-color-scheme: dark)');
const colors = ['#2f7ed8', '#d9682b', '#3a9c5f', '#9a58c7', '#c43d5b', '#8a7a2a', '#2fa3a8', '#777f88'];
const drawn = [];
function draw() {
  drawn.splice(0).forEach(chart => chart.destroy());
  const ink = style.getPropertyValue('--ink'), line = style.getPropertyValue('--line');
  charts.forEach((chart, index) => {
    drawn.push(new Chart(document.getElementById('chart' + index), {
      type: 'line',
      data: {datasets: chart.lines.map((l, i) => ({
        label: l.name, data: l.points, borderColor: colors[i % colors.length],
        backgroundColor: colors[i % colors.length], borderWidth: 2, pointRadius: 3, tension: 0.15}))},
      options: {
        animation: false, maintainAspectRatio: false, interaction: {mode: 'nearest', intersect: false},
        plugins: {legend: {display: chart.lines.length > 1, labels: {color: ink, boxWidth: 12}}},
        scales: {
          x: {type: 'linear', min: 0, max: 100, ticks: {color: ink}, grid: {color: line},
              title: {display: true, text: 'true share of the weights, per cent', color: ink}},
          y: {ticks: {color: ink}, grid: {color: line}, beginAtZero: chart.unit.startsWith('per cent'),
              title: {display: true, text: chart.unit, color: ink}}}}}));
  });
}
dark.addEventListener('change', draw);
draw();
)";

}  // namespace

std::vector<std::string> DominatedBy(const EvalReport& report) {
  std::vector<std::string> dominated(report.levels.size());
  if (report.families.empty()) return dominated;
  for (size_t i = 0; i < report.levels.size(); ++i) {
    for (size_t lighter = 0; lighter < i; ++lighter) {
      if (MeanAccuracy(report.levels[lighter]).value < MeanAccuracy(report.levels[i]).value)
        continue;
      dominated[i] = LevelName(report.levels[lighter].name_permille);
      break;
    }
  }
  return dominated;
}

std::string ReportMarkdown(std::span<const NamedReport> reports) {
  std::string text;
  for (const auto& [name, report] : reports) {
    const Table table = TableOf(report);
    text += (text.empty() ? "## " : "\n## ") + name + "\n\n" + Circumstances(report) + "\n\n|";
    for (const std::string& cell : table.heading) text += " " + cell + " |";
    text += "\n|---|";
    for (size_t i = 1; i < table.heading.size(); ++i) text += "--:|";
    text += "\n";
    for (const std::vector<std::string>& row : table.rows) {
      text += "|";
      for (const std::string& cell : row) text += " " + cell + " |";
      text += "\n";
    }
  }
  return text;
}

std::string ReportPage(std::span<const NamedReport> reports, const std::string& chart_library) {
  const json charts = Charts(reports);
  std::string page = kHead;
  page +=
      "<h1>Levels of an elastic model</h1>\n<p>Every level is a prefix of the same weights; its "
      "true share is what it keeps of the layers' weights. Errors are standard errors; "
      "differences are paired.</p>\n<div class=\"charts\">\n";
  for (size_t i = 0; i < charts.size(); ++i) {
    const auto title = charts[i]["title"].get<std::string>();
    page += "<figure><figcaption>" + Escaped(title) +
            "</figcaption><div class=\"plot\"><canvas id=\"chart" + std::to_string(i) +
            "\" role=\"img\" aria-label=\"" + Escaped(title) + "\"></canvas></div></figure>\n";
  }
  page += "</div>\n";
  for (const auto& [name, report] : reports) {
    page += "<h2>" + Escaped(name) + "</h2>\n<p>" + Escaped(Circumstances(report)) + "</p>\n" +
            HtmlTable(TableOf(report));
  }
  page += "<script>\n" + chart_library +
          "\n</script>\n<script>\nconst charts = " + ForScript(charts) + ";\n" + kScript +
          "</script>\n</body></html>\n";
  return page;
}

}  // namespace elm
