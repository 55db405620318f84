#include "toolchain/eval/eval_report_text.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "toolchain/base/quantities.h"
#include "toolchain/eval/estimate_text.h"
#include "toolchain/eval/text_table.h"

namespace elm {
namespace {

std::vector<std::string> Heading(const EvalReport& report) {
  std::vector<std::string> row = {"level", "share"};
  for (const EvalFamily& family : report.families) row.push_back(family.name);
  row.emplace_back("mean");
  return row;
}

std::vector<std::string> LevelCells(const LevelScores& level) {
  return {LevelName(level.name_permille), Format("%.1f%%", 100 * level.reached_share)};
}

// A table with one cell per level and family, and one for the level's mean.
std::string FamilyTable(
    const EvalReport& report, const std::vector<LevelScores>& levels,
    const std::function<std::string(const LevelScores& level, size_t family)>& cell,
    const std::function<std::string(const LevelScores& level)>& mean,
    const std::vector<std::string>& last_row) {
  TextTable table;
  table.Add(Heading(report));
  for (const LevelScores& level : levels) {
    std::vector<std::string> row = LevelCells(level);
    for (size_t family = 0; family < report.families.size(); ++family) {
      row.push_back(cell(level, family));
    }
    row.push_back(mean(level));
    table.Add(std::move(row));
  }
  if (!last_row.empty()) table.Add(last_row);
  return table.Text();
}

std::vector<std::string> ChanceRow(const EvalReport& report) {
  std::vector<std::string> row = {"chance", ""};
  double sum = 0;
  for (const EvalFamily& family : report.families) {
    row.push_back(Format("%.1f", 100 * family.chance));
    sum += family.chance;
  }
  row.push_back(Format("%.1f", 100 * sum / static_cast<double>(report.families.size())));
  return row;
}

std::string AccuracyTable(const EvalReport& report) {
  return "accuracy, per cent ± standard error\n" +
         FamilyTable(
             report, report.levels,
             [](const LevelScores& level, size_t family) {
               return PercentText(Accuracy(level.families[family]));
             },
             [](const LevelScores& level) { return PercentText(MeanAccuracy(level)); },
             ChanceRow(report));
}

std::string DifferenceTable(const EvalReport& report) {
  const LevelScores& full = *report.full();
  const std::vector<LevelScores> others(report.levels.begin(), report.levels.end() - 1);
  return "\ndifference from level 1.0, points ± paired standard error\n" +
         FamilyTable(
             report, others,
             [&full](const LevelScores& level, size_t family) {
               return PercentText(AccuracyDifference(level.families[family], full.families[family]),
                                  "%+.1f");
             },
             [&full](const LevelScores& level) {
               return PercentText(MeanAccuracyDifference(level, full), "%+.1f");
             },
             {});
}

std::string FromChanceTable(const EvalReport& report) {
  return "\nway from chance (0) to always right (100)\n" +
         FamilyTable(
             report, report.levels,
             [&report](const LevelScores& level, size_t family) {
               const double accuracy = Accuracy(level.families[family]).value;
               return Format("%.1f", 100 * FromChance(accuracy, report.families[family].chance));
             },
             [&report](const LevelScores& level) {
               return Format("%.1f", 100 * MeanFromChance(report, level));
             },
             {});
}

std::string TextsTable(const EvalReport& report) {
  TextTable table;
  std::vector<std::string> heading = {"level", "share"};
  for (const EvalText& text : report.texts) {
    heading.push_back(text.name);
    heading.emplace_back("perplexity");
  }
  table.Add(std::move(heading));
  for (const LevelScores& level : report.levels) {
    std::vector<std::string> row = LevelCells(level);
    for (const TextScore& score : level.texts) {
      const Estimate loss = TextLoss(score);
      row.push_back(LossText(loss));
      row.push_back(Format("%.4g", std::exp(loss.value)));
    }
    table.Add(std::move(row));
  }
  return "loss, nats per token ± standard error over windows\n" + table.Text();
}

std::vector<LevelScores> LevelsAskedTwice(const EvalReport& report) {
  std::vector<LevelScores> levels;
  for (const LevelScores& level : report.levels) {
    if (level.without_adapter) levels.push_back(level);
  }
  return levels;
}

// Empty where no level was asked without its adapter.
std::string GainTables(const EvalReport& report) {
  const std::vector<LevelScores> levels = LevelsAskedTwice(report);
  if (levels.empty()) return "";
  std::string text;
  if (!report.families.empty()) {
    text +=
        "\nwhat the adapter brings, points ± paired standard error\n" +
        FamilyTable(
            report, levels,
            [](const LevelScores& level, size_t family) {
              return PercentText(AccuracyDifference(level.families[family],
                                                    level.without_adapter->families[family]),
                                 "%+.1f");
            },
            [](const LevelScores& level) {
              return PercentText(MeanAccuracyDifference(level, *level.without_adapter), "%+.1f");
            },
            {});
  }
  if (report.texts.empty()) return text;
  TextTable table;
  std::vector<std::string> heading = {"level", "share"};
  for (const EvalText& each : report.texts) {
    heading.push_back(each.name + " without");
    heading.emplace_back("saved");
  }
  table.Add(std::move(heading));
  for (const LevelScores& level : levels) {
    std::vector<std::string> row = LevelCells(level);
    for (size_t i = 0; i < report.texts.size(); ++i) {
      const TextScore& without = level.without_adapter->texts[i];
      row.push_back(LossText(TextLoss(without)));
      row.push_back(LossText(TextLossDifference(without, level.texts[i]), "%+.4f"));
    }
    table.Add(std::move(row));
  }
  return text + "\nloss without the adapter, and what the adapter saves, nats ± standard error\n" +
         table.Text();
}

// Empty for a checkpoint.
std::string SizeTable(const EvalReport& report) {
  TextTable table;
  table.Add({"level", "share", "weights", "adapter"});
  bool known = false;
  for (const LevelScores& level : report.levels) {
    std::vector<std::string> row = LevelCells(level);
    known = known || level.size.has_value();
    row.push_back(level.size ? FormatBytes(level.size->weight_bytes) : "");
    row.push_back(
        level.size && level.size->adapter_bytes > 0 ? FormatBytes(level.size->adapter_bytes) : "");
    table.Add(std::move(row));
  }
  return known ? "\nbytes of the bundle that a level reads\n" + table.Text() : "";
}

bool AsksBuiltInWorld(const EvalReport& report) {
  return std::any_of(report.families.begin(), report.families.end(),
                     [](const EvalFamily& family) { return family.source.starts_with("pocket"); });
}

std::string ConditionsLine(const EvalReport& report) {
  const EvalConditions& conditions = report.conditions;
  std::string line = StrCat("engine ", conditions.engine, " (", conditions.arithmetic, ")");
  if (AsksBuiltInWorld(report)) {
    line += StrCat(", ", conditions.split, " split, seed ", conditions.seed);
  }
  if (conditions.drop != "none") {
    line += StrCat(", ", Format("%.0f%%", 100 * conditions.keep), " of the context's words kept (",
                   conditions.drop, " ones dropped)");
  }
  return line + '\n';
}

// Of level 1.0's time, in per cent; empty where that was not measured.
std::string OfFull(const EvalReport& report, double milliseconds, double LevelLatency::*time) {
  if (report.full() == nullptr) return "";
  return Format("%.0f%%", 100 * milliseconds / (*report.full()->latency.*time));
}

std::string LatencyText(const EvalReport& report) {
  const bool overhead = std::any_of(
      report.levels.begin(), report.levels.end(),
      [](const LevelScores& level) { return level.latency && level.latency->without_adapter; });
  TextTable table;
  std::vector<std::string> heading = {"level", "share", "TTFT ms", "of full", "TPOT ms", "of full"};
  if (overhead) heading.insert(heading.end(), {"adapter in TTFT", "in TPOT"});
  table.Add(std::move(heading));
  for (const LevelScores& level : report.levels) {
    std::vector<std::string> row = LevelCells(level);
    for (double LevelLatency::*time : {&LevelLatency::ttft_ms, &LevelLatency::tpot_ms}) {
      const double milliseconds = *level.latency.*time;
      row.push_back(Format("%.2f", milliseconds));
      row.push_back(OfFull(report, milliseconds, time));
    }
    if (level.latency->without_adapter) {
      const AdapterOverhead costs = OverheadOf(*level.latency);
      row.push_back(OverheadText(costs.ttft));
      row.push_back(OverheadText(costs.tpot));
    }
    table.Add(std::move(row));
  }
  std::string text = StrCat(
      "\nlatency on this machine, one thread: ", report.latency->prompt_tokens, " tokens in, ",
      report.latency->output_tokens, " out, medians of ", report.latency->repeats);
  if (report.machine) text += ";\nthe machine meanwhile: " + MachineText(*report.machine);
  return text + "\n" + table.Text();
}

// What was asked, and what was left out.
std::string Preamble(const EvalReport& report) {
  std::string text = ConditionsLine(report);
  for (const EvalFamily& family : report.families) {
    text += StrCat("  ", family.name, ": ", family.items, " tasks of ", family.source);
    if (family.skipped > 0) text += StrCat(", ", family.skipped, " too long and skipped");
    text += '\n';
  }
  for (const EvalText& text_set : report.texts) {
    text += StrCat("  ", text_set.name, ": ", text_set.windows, " windows of ",
                   text_set.window_tokens, " tokens\n");
  }
  return text + '\n';
}

}  // namespace

std::string EvalReportText(const EvalReport& report) {
  std::string text = Preamble(report);
  if (!report.families.empty()) {
    text += AccuracyTable(report);
    if (report.full() != nullptr && report.levels.size() > 1) text += DifferenceTable(report);
    text += FromChanceTable(report);
    if (!report.texts.empty()) text += '\n';
  }
  if (!report.texts.empty()) text += TextsTable(report);
  text += GainTables(report) + SizeTable(report);
  if (report.latency) text += LatencyText(report);
  return text;
}

}  // namespace elm
