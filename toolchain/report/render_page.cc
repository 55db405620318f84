#include "toolchain/report/render_page.h"

#include "formats/base/status.h"
#include "toolchain/report/render_json.h"

namespace elm {
namespace {

// More lines than that need more room for their names.
constexpr size_t kManyLines = 5;

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

std::string CellHtml(const ReportCell& cell) {
  if (cell.detail.empty()) return Escaped(cell.value);
  return Escaped(cell.value) + "<small>" + Escaped(cell.detail) + "</small>";
}

std::string TableHtml(const ReportTable& table) {
  std::string html =
      "<p>" + Escaped(table.caption) + "</p>\n<div class=\"table\"><table><thead><tr>";
  for (const std::string& cell : table.heading) {
    html += "<th scope=\"col\">" + Escaped(cell) + "</th>";
  }
  html += "</tr></thead><tbody>";
  for (const ReportRow& row : table.rows) {
    html += row.strong ? "<tr class=\"strong\">" : row.faint ? "<tr class=\"faint\">" : "<tr>";
    for (size_t i = 0; i < row.cells.size(); ++i) {
      html += i == 0 ? "<th scope=\"row\">" + CellHtml(row.cells[i]) + "</th>"
                     : "<td>" + CellHtml(row.cells[i]) + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>\n";
}

std::string FigureHtml(const ReportChart& chart, size_t number) {
  const std::string title = Escaped(chart.title);
  const char* size = chart.lines.size() > kManyLines ? "plot tall" : "plot";
  return StrCat("<figure><figcaption>", title, "</figcaption><div class=\"", size,
                "\"><canvas id=\"chart", number, "\" role=\"img\" aria-label=\"", title,
                "\"></canvas></div></figure>\n");
}

// JSON inside a script element: nothing in it can look like a tag.
std::string ForScript(const nlohmann::json& value) {
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
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --line: #d5dbe1; --faint: #66717c;
        --shade: #f2f5f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --paper: #15191d; --line: #323a42; --faint: #98a3ae; --shade: #1d2329; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       margin: 0 auto; max-width: 1100px; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.6rem 0 .2rem; }
p { color: var(--faint); margin: 0 0 .8rem; overflow-wrap: anywhere; } .table + p { margin-top: 1.4rem; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; } a { color: inherit; }
ul { padding-left: 1.2rem; color: var(--faint); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
          gap: 1.8rem 1.5rem; margin: .6rem 0 1.4rem; }
.charts figure { margin: 0; min-width: 0; }
.charts figcaption { font-weight: 600; margin-bottom: .3rem; }
.plot { position: relative; height: 20rem; } .plot.tall { height: 26rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; vertical-align: top; padding: .25rem .6rem; white-space: nowrap;
         border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { font-weight: 600; vertical-align: bottom; }
th:first-child { text-align: left; font-weight: 600; position: sticky; left: 0; z-index: 1;
                 background: var(--paper); }
small { display: block; color: var(--faint); font-size: .8rem; line-height: 1.25; font-weight: 400; }
tr.strong > * { background: var(--shade); } tr.strong td { font-weight: 600; }
tr.faint > * { color: var(--faint); }
</style></head><body>
)";

constexpr char kScript[] = R"(
const dark = matchMedia('(prefers-color-scheme: dark)');
const strong = '#2f7ed8';
const hues = ['#d9682b', '#3a9c5f', '#9a58c7', '#c43d5b', '#a08a1f', '#2fa3a8', '#8b6f5c'];
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const drawn = [];
const places = new Map();  // a name keeps its colour in all charts
function lineOf(line, faint) {
  const named = !line.dashed && !line.strong;
  if (named && !places.has(line.name)) places.set(line.name, places.size);
  const place = places.get(line.name) ?? 0;
  const dash = dashes[Math.floor(place / hues.length) % dashes.length];
  const color = line.dashed ? faint : line.strong ? strong : hues[place % hues.length];
  return {label: line.name, data: line.points, borderColor: color, backgroundColor: color,
          borderWidth: line.strong ? 4 : line.dashed ? 1 : 2,
          borderDash: line.dashed ? [4, 4] : line.strong ? [] : dash,
          pointRadius: line.dashed ? 0 : line.strong ? 4 : 3, tension: 0};
}
function draw() {
  drawn.splice(0).forEach(chart => chart.destroy());
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue('--ink'), grid = style.getPropertyValue('--line'),
        faint = style.getPropertyValue('--faint');
  const axis = (title, min, max) => ({
    type: 'linear', min: min ?? undefined, max: max ?? undefined, ticks: {color: ink},
    grid: {color: grid}, title: {display: true, text: title, color: ink}});
  charts.forEach((chart, index) => {
    drawn.push(new Chart(document.getElementById('chart' + index), {
      type: 'line',
      data: {datasets: chart.lines.map(line => lineOf(line, faint))},
      options: {
        animation: false, maintainAspectRatio: false,
        interaction: {mode: 'nearest', intersect: false},
        plugins: {
          legend: {display: chart.lines.length > 1, position: 'bottom',
                   labels: {color: ink, boxWidth: 22, boxHeight: 0, padding: 8, font: {size: 11}}},
          tooltip: {callbacks: {title: () => '', label: item =>
            item.dataset.label + ': ' + item.parsed.y.toFixed(2) + ' at ' +
            item.parsed.x.toFixed(1)}}},
        scales: {x: axis(chart.x_title, chart.x_min, chart.x_max),
                 y: axis(chart.y_title, chart.y_min, null)}}}));
  });
}
dark.addEventListener('change', draw);
draw();
)";

}  // namespace

std::string RenderPage(std::span<const ReportSection> sections, const std::string& chart_library) {
  std::string page = kHead;
  page +=
      "<h1>Levels of an elastic model</h1>\n<p>Every level is a prefix of the same weights; its "
      "true share is what it keeps of the layers' weights. Errors are standard errors; "
      "differences are paired.</p>\n<nav>";
  for (size_t i = 0; i < sections.size(); ++i) {
    page += StrCat("<a href=\"#part", i, "\">", Escaped(sections[i].title), "</a> ");
  }
  page += "</nav>\n";
  nlohmann::json charts = nlohmann::json::array();
  for (size_t i = 0; i < sections.size(); ++i) {
    const ReportSection& section = sections[i];
    page += StrCat("<h2 id=\"part", i, "\">", Escaped(section.title), "</h2>\n");
    if (!section.text.empty()) page += "<p>" + Escaped(section.text) + "</p>\n";
    if (!section.charts.empty()) page += "<div class=\"charts\">\n";
    for (const ReportChart& chart : section.charts) {
      page += FigureHtml(chart, charts.size());
      charts.push_back(ChartJson(chart));
    }
    if (!section.charts.empty()) page += "</div>\n";
    for (const ReportTable& table : section.tables) page += TableHtml(table);
    if (section.notes.empty()) continue;
    page += "<ul>\n";
    for (const std::string& note : section.notes) page += "<li>" + Escaped(note) + "</li>\n";
    page += "</ul>\n";
  }
  page += "<script>\n" + chart_library +
          "\n</script>\n<script>\nconst charts = " + ForScript(charts) + ";\n" + kScript +
          "</script>\n</body></html>\n";
  return page;
}

}  // namespace elm
