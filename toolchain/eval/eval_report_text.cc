#include "toolchain/eval/eval_report_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <utility>

#include "formats/base/status.h"
#include "formats/model/level_table.h"

namespace elm {
namespace {

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, args...);
  return buffer.data();
}

// Rows of cells; columns are as wide as their widest cell, the first one flush left.
class TextTable {
 public:
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  std::string Text() const {
    std::vector<size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
    }
    std::string text;
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string padding(widths[i] - Columns(row[i]), ' ');
        text += i == 0 ? row[i] + padding : "  " + padding + row[i];
      }
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
    return text;
  }

 private:
  // Characters, not bytes.
  static size_t Columns(const std::string& cell) {
    return static_cast<size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
  }

  std::vector<std::vector<std::string>> rows_;
};

// "71.5 ±3.2": in hundredths of `estimate`.
std::string Percent(const Estimate& estimate, const char* format = "%.1f") {
  const std::string value = Format(format, 100 * estimate.value);
  if (std::isnan(estimate.standard_error)) return value;
  return value + Format(" ±%.1f", 100 * estimate.standard_error);
}

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
               return Percent(Accuracy(level.families[family]));
             },
             [](const LevelScores& level) { return Percent(MeanAccuracy(level)); },
             ChanceRow(report));
}

std::string DifferenceTable(const EvalReport& report) {
  const LevelScores& full = *report.full();
  const std::vector<LevelScores> others(report.levels.begin(), report.levels.end() - 1);
  return "\ndifference from level 1.0, points ± paired standard error\n" +
         FamilyTable(
             report, others,
             [&full](const LevelScores& level, size_t family) {
               return Percent(AccuracyDifference(level.families[family], full.families[family]),
                              "%+.1f");
             },
             [&full](const LevelScores& level) {
               return Percent(MeanAccuracyDifference(level, full), "%+.1f");
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
      row.push_back(Format("%.4f", loss.value) +
                    (std::isnan(loss.standard_error) ? "" : Format(" ±%.4f", loss.standard_error)));
      row.push_back(Format("%.4g", std::exp(loss.value)));
    }
    table.Add(std::move(row));
  }
  return "loss, nats per token ± standard error over windows\n" + table.Text();
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

std::string LatencyTable(const EvalReport& report) {
  TextTable table;
  table.Add({"level", "share", "TTFT ms", "of full", "TPOT ms", "of full"});
  const LevelScores* full = report.full();
  for (const LevelScores& level : report.levels) {
    std::vector<std::string> row = LevelCells(level);
    const auto add = [&](double LevelLatency::*time) {
      const double milliseconds = (*level.latency).*time;
      row.push_back(Format("%.2f", milliseconds));
      if (full == nullptr) return row.push_back("");
      row.push_back(Format("%.0f%%", 100 * milliseconds / ((*full->latency).*time)));
    };
    add(&LevelLatency::ttft_ms);
    add(&LevelLatency::tpot_ms);
    table.Add(std::move(row));
  }
  return StrCat("latency on this machine, one thread: ", report.latency->prompt_tokens,
                " tokens in, ", report.latency->output_tokens, " out, medians of ",
                report.latency->repeats, "\n") +
         table.Text();
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
  if (!report.latency) return text;
  text += '\n';
  return text + LatencyTable(report);
}

}  // namespace elm
