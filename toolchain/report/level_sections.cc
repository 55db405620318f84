#include "toolchain/report/level_sections.h"

#include <algorithm>
#include <cmath>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "toolchain/base/quantities.h"
#include "toolchain/eval/estimate_text.h"
#include "toolchain/eval/text_table.h"

namespace elm {
namespace {

constexpr char kShareAxis[] = "true share of the weights, per cent";

// A line through all levels of a report that `value` gives a number for, over `cost`.
template <typename Cost, typename Value>
ChartLine LineOf(const std::string& name, const EvalReport& report, const Cost& cost,
                 const Value& value) {
  ChartLine line{name, {}};
  for (const LevelScores& level : report.levels) {
    const double x = cost(level);
    const double y = value(level);
    if (std::isfinite(x) && std::isfinite(y)) line.points.emplace_back(x, y);
  }
  return line;
}

double ShareOf(const LevelScores& level) { return 100 * level.reached_share; }
double MeanPercent(const LevelScores& level) { return 100 * MeanAccuracy(level).value; }

double MeanChance(const EvalReport& report) {
  double sum = 0;
  for (const EvalFamily& family : report.families) sum += 100 * family.chance;
  return sum / static_cast<double>(report.families.size());
}

ReportChart ShareChart(const std::string& title, const std::string& unit) {
  ReportChart chart{title, kShareAxis, unit, {}};
  chart.x_min = 0;
  chart.x_max = 100;
  return chart;
}

ReportChart MeanChart(std::span<const NamedReport> reports) {
  ReportChart chart = ShareChart("Mean accuracy", "per cent");
  chart.y_min = 0;
  const EvalReport* asked = nullptr;
  for (const auto& [name, report] : reports) {
    if (report.families.empty()) continue;
    if (asked == nullptr) asked = &report;
    chart.lines.push_back(LineOf(name, report, ShareOf, MeanPercent));
    const auto without = [](const LevelScores& level) {
      return level.without_adapter ? 100 * MeanAccuracy(*level.without_adapter).value : NAN;
    };
    ChartLine bare = LineOf(name + " without adapters", report, ShareOf, without);
    if (!bare.points.empty()) chart.lines.push_back(std::move(bare));
  }
  if (asked != nullptr) {
    const double chance = MeanChance(*asked);
    chart.lines.push_back(
        {.name = "guessing", .points = {{0, chance}, {100, chance}}, .dashed = true});
  }
  return chart;
}

ReportChart FamiliesChart(const NamedReport& named) {
  ReportChart chart = ShareChart("Accuracy by task, " + named.name, "per cent");
  chart.y_min = 0;
  for (size_t i = 0; i < named.report.families.size(); ++i) {
    chart.lines.push_back(
        LineOf(named.report.families[i].name, named.report, ShareOf,
               [i](const LevelScores& level) { return 100 * Accuracy(level.families[i]).value; }));
  }
  return chart;
}

ReportChart LossChart(std::span<const NamedReport> reports) {
  ReportChart chart = ShareChart("Loss on text", "nats per token");
  for (const auto& [name, report] : reports) {
    for (size_t i = 0; i < report.texts.size(); ++i) {
      const std::string text = name + ": " + report.texts[i].name;
      chart.lines.push_back(LineOf(text, report, ShareOf, [i](const LevelScores& level) {
        return TextLoss(level.texts[i]).value;
      }));
      ChartLine bare =
          LineOf(text + " without adapters", report, ShareOf, [i](const LevelScores& level) {
            return level.without_adapter ? TextLoss(level.without_adapter->texts[i]).value : NAN;
          });
      if (!bare.points.empty()) chart.lines.push_back(std::move(bare));
    }
  }
  return chart;
}

bool TimesOfFull(const EvalReport& report) {
  return report.latency && report.full() != nullptr && report.full()->latency;
}

ReportChart LatencyChart(const NamedReport& named) {
  ReportChart chart = ShareChart("Latency, " + named.name, "per cent of level 1.0");
  chart.y_min = 0;
  const LevelLatency& full = *named.report.full()->latency;
  const auto add = [&](const char* name, double LevelLatency::*time) {
    chart.lines.push_back(
        LineOf(name, named.report, ShareOf, [&full, time](const LevelScores& level) {
          return level.latency ? 100 * (*level.latency.*time) / (full.*time) : NAN;
        }));
  };
  add("time to first token", &LevelLatency::ttft_ms);
  add("time per token", &LevelLatency::tpot_ms);
  chart.lines.push_back({.name = "its share", .points = {{0, 0}, {100, 100}}, .dashed = true});
  return chart;
}

ReportChart QualityOverTime(std::span<const NamedReport> reports) {
  ReportChart chart{"Mean accuracy over time", "time to first token, ms", "per cent", {}};
  chart.x_min = 0;
  chart.y_min = 0;
  for (const auto& [name, report] : reports) {
    if (report.families.empty() || !report.latency) continue;
    chart.lines.push_back(LineOf(
        name, report,
        [](const LevelScores& level) { return level.latency ? level.latency->ttft_ms : NAN; },
        MeanPercent));
  }
  return chart;
}

std::string LevelCell(const LevelScores& level) {
  return LevelName(level.name_permille) + (level.name_permille == 1000 ? " (dense)" : "");
}

// A row of any of the tables, begun.
ReportRow RowOf(const LevelScores& level, bool dominated) {
  return {.cells = {{LevelCell(level)}}, .faint = dominated, .strong = level.name_permille == 1000};
}

// An accuracy, and what it is beside the dense model's on the same items.
ReportCell AccuracyCell(const Estimate& accuracy, const Estimate* difference) {
  if (difference == nullptr) return {PercentText(accuracy)};
  return {Format("%.1f", 100 * accuracy.value), PercentText(*difference, "%+.1f")};
}

ReportTable QualityTable(const EvalReport& report) {
  ReportTable table{
      "What each level answers: accuracy in per cent, and below it the difference from "
      "the dense model in points ± paired standard error; nll is the loss of the right "
      "answer in nats per token",
      {"level", "true share"},
      {}};
  if (report.families.empty()) table.caption = "What each level answers";
  for (const EvalFamily& family : report.families) table.heading.push_back(family.name);
  if (!report.families.empty()) {
    table.heading.insert(table.heading.end(), {"mean", "nll"});
  }
  for (const EvalText& text : report.texts) table.heading.push_back("loss on " + text.name);
  table.heading.emplace_back("");
  const std::vector<std::string> dominated = DominatedBy(report);
  const LevelScores* full = report.full();
  for (size_t i = 0; i < report.levels.size(); ++i) {
    const LevelScores& level = report.levels[i];
    const bool compared = full != nullptr && full != &level;
    ReportRow row = RowOf(level, !dominated[i].empty());
    row.cells.push_back({Format("%.1f %%", 100 * level.reached_share)});
    double nll = 0;
    for (size_t f = 0; f < level.families.size(); ++f) {
      Estimate difference;
      if (compared) difference = AccuracyDifference(level.families[f], full->families[f]);
      row.cells.push_back(
          AccuracyCell(Accuracy(level.families[f]), compared ? &difference : nullptr));
      nll += level.families[f].nll / static_cast<double>(level.families.size());
    }
    if (!level.families.empty()) {
      Estimate difference;
      if (compared) difference = MeanAccuracyDifference(level, *full);
      row.cells.push_back(AccuracyCell(MeanAccuracy(level), compared ? &difference : nullptr));
      row.cells.push_back({Format("%.3f", nll)});
    }
    for (size_t t = 0; t < level.texts.size(); ++t) {
      ReportCell cell{Format("%.3f", TextLoss(level.texts[t]).value)};
      if (compared) {
        cell.detail = LossText(TextLossDifference(level.texts[t], full->texts[t]), "%+.4f");
      }
      row.cells.push_back(cell);
    }
    row.cells.push_back({dominated[i].empty() ? "" : "dominated by " + dominated[i]});
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A time, and its part of the dense model's.
ReportCell TimeCell(const EvalReport& report, const LevelScores& level,
                    double LevelLatency::*time) {
  if (!level.latency) return {};
  ReportCell cell{Format("%.2f", *level.latency.*time)};
  if (TimesOfFull(report) && report.full() != &level) {
    cell.detail = Format("%.0f %%", 100 * (*level.latency.*time) / (*report.full()->latency.*time));
  }
  return cell;
}

bool HasSizes(const EvalReport& report) {
  return std::any_of(report.levels.begin(), report.levels.end(),
                     [](const LevelScores& level) { return level.size.has_value(); });
}

ReportTable CostTable(const EvalReport& report) {
  ReportTable table{
      "What each level costs: its share of the layers' weights as it was asked for and as it was "
      "reached, the bytes that it reads, and times on the machine that was measured (below them, "
      "their part of the dense model's)",
      {"level", "target", "reached"},
      {}};
  const bool sizes = HasSizes(report);
  if (sizes) table.heading.insert(table.heading.end(), {"weights", "adapter"});
  if (report.latency) table.heading.insert(table.heading.end(), {"TTFT ms", "TPOT ms"});
  const std::vector<std::string> dominated = DominatedBy(report);
  for (size_t i = 0; i < report.levels.size(); ++i) {
    const LevelScores& level = report.levels[i];
    ReportRow row = RowOf(level, !dominated[i].empty());
    row.cells.push_back({Format("%g %%", level.name_permille / 10.0)});
    row.cells.push_back({Format("%.1f %%", 100 * level.reached_share)});
    if (sizes) {
      const bool adapter = level.size && level.size->adapter_bytes > 0;
      row.cells.push_back({level.size ? FormatBytes(level.size->weight_bytes) : ""});
      row.cells.push_back({adapter ? FormatBytes(level.size->adapter_bytes) : "none"});
    }
    if (report.latency) {
      row.cells.push_back(TimeCell(report, level, &LevelLatency::ttft_ms));
      row.cells.push_back(TimeCell(report, level, &LevelLatency::tpot_ms));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Of the levels that were measured with and without their adapter, in any way.
ReportTable AdapterTable(const EvalReport& report) {
  const auto any = [&](const auto& has) {
    return std::any_of(report.levels.begin(), report.levels.end(), has);
  };
  const bool gains =
      any([](const LevelScores& level) { return level.without_adapter.has_value(); });
  const bool overheads =
      any([](const LevelScores& level) { return level.latency && level.latency->without_adapter; });
  ReportTable table{
      "What each level's adapter brings and costs: points of accuracy and nats of loss "
      "saved ± paired standard error; the part of the time that it adds, with its 95 % "
      "interval over rounds in which both took turns",
      {"level"},
      {}};
  if (!gains && !overheads) return table;
  if (gains) {
    for (const EvalFamily& family : report.families) table.heading.push_back(family.name);
    if (!report.families.empty()) table.heading.emplace_back("mean");
    for (const EvalText& text : report.texts) table.heading.push_back("loss on " + text.name);
  }
  if (overheads) table.heading.insert(table.heading.end(), {"in prefill", "in decode"});
  for (const LevelScores& level : report.levels) {
    const bool asked = level.without_adapter.has_value();
    const bool timed = level.latency && level.latency->without_adapter;
    if (!asked && !timed) continue;
    ReportRow row = RowOf(level, false);
    if (gains) {
      const auto add = [&](const auto& text) { row.cells.push_back({asked ? text() : ""}); };
      for (size_t i = 0; i < report.families.size(); ++i) {
        add([&] {
          return PercentText(
              AccuracyDifference(level.families[i], level.without_adapter->families[i]), "%+.1f");
        });
      }
      if (!report.families.empty()) {
        add([&] {
          return PercentText(MeanAccuracyDifference(level, *level.without_adapter), "%+.1f");
        });
      }
      for (size_t i = 0; i < report.texts.size(); ++i) {
        add([&] {
          return LossText(TextLossDifference(level.without_adapter->texts[i], level.texts[i]),
                          "%+.4f");
        });
      }
    }
    if (overheads) {
      const auto overhead = [&](RatioEstimate AdapterOverhead::*part) {
        return timed ? OverheadText(OverheadOf(*level.latency).*part) : "";
      };
      row.cells.push_back({overhead(&AdapterOverhead::ttft)});
      row.cells.push_back({overhead(&AdapterOverhead::tpot)});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

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
                   report.latency->output_tokens, " out, one thread, medians of ",
                   report.latency->repeats);
  }
  if (report.machine) text += "; the machine meanwhile: " + MachineText(*report.machine);
  return text;
}

ReportSection CurvesSection(std::span<const NamedReport> reports) {
  ReportSection section{.title = "Quality over cost", .text = ""};
  const auto add = [&](ReportChart chart) {
    if (!chart.lines.empty()) section.charts.push_back(std::move(chart));
  };
  const NamedReport& first = reports.front();
  add(MeanChart(reports));
  if (first.report.families.size() > 1) add(FamiliesChart(first));
  add(LossChart(reports));
  if (TimesOfFull(first.report)) add(LatencyChart(first));
  add(QualityOverTime(reports));
  return section;
}

ReportSection LevelsSection(const NamedReport& named) {
  const EvalReport& report = named.report;
  ReportSection section{.title = named.name, .text = Circumstances(report)};
  section.tables.push_back(QualityTable(report));
  section.tables.push_back(CostTable(report));
  ReportTable adapters = AdapterTable(report);
  if (!adapters.rows.empty()) section.tables.push_back(std::move(adapters));
  return section;
}

}  // namespace elm
