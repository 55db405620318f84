#include "toolchain/report/baseline_section.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "toolchain/base/quantities.h"
#include "toolchain/baselines/baselines_text.h"
#include "toolchain/eval/estimate_text.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/plan/plan.h"

namespace elm {
namespace {

// The levels at which a model is really small: a column of its own sums them up.
constexpr uint32_t kSmallPermille = 600;

const LevelScores* LevelOf(const BaselineEntry* entry, uint32_t name_permille) {
  if (entry == nullptr) return nullptr;
  for (const LevelScores& level : entry->report.levels) {
    if (level.name_permille == name_permille) return &level;
  }
  return nullptr;
}

// One of the two tables of a file.
struct Comparison {
  std::vector<const BaselineEntry*> entries;  // the elastic model first
  const BaselineEntry* elastic = nullptr;     // nullptr: there is nothing to compare with
  std::vector<uint32_t> levels;               // names that any of them has, ascending
  std::vector<Lead> leads;
};

Comparison Gather(const BaselinesReport& report, BaselineTable table) {
  Comparison comparison;
  comparison.elastic = report.Find(kElasticMethod, table);
  if (comparison.elastic != nullptr) comparison.entries.push_back(comparison.elastic);
  for (const BaselineEntry& entry : report.entries) {
    if (entry.table == table && &entry != comparison.elastic) comparison.entries.push_back(&entry);
  }
  std::set<uint32_t> names;
  for (const BaselineEntry* entry : comparison.entries) {
    for (const LevelScores& level : entry->report.levels) names.insert(level.name_permille);
  }
  comparison.levels.assign(names.begin(), names.end());
  comparison.leads = Leads(report, table);
  return comparison;
}

// How the elastic model leads `entry` at its level `name`, or nullptr.
const Lead* LeadOver(const Comparison& comparison, const BaselineEntry& entry, uint32_t name) {
  for (const Lead& lead : comparison.leads) {
    if (lead.method == entry.method && lead.name_permille == name) return &lead;
  }
  return nullptr;
}

// What a method is ahead of the elastic model by.
Estimate Behind(const Estimate& lead) { return {-lead.value, lead.standard_error}; }

// "-3.1 ±1.2", "+2.0 ±0.5 ahead", "-3.1 ±1.2 to 0.4": the last where the elastic level is a lighter
// one.
std::string LeadText(const Lead& lead) {
  std::string text = PercentText(Behind(lead.points), "%+.1f");
  if (lead.behind()) text += " ahead";
  if (lead.elastic_permille != lead.name_permille) {
    text += " to " + LevelName(lead.elastic_permille);
  }
  return text;
}

// Over the levels up to kSmallPermille at which a method can be held against the elastic model:
// mean accuracy, and the paired difference, per item over the levels, then over the items of each
// family, then over the families.
struct SmallLevels {
  size_t levels = 0;
  double accuracy = 0;
  Estimate difference;
};

SmallLevels SumUpSmall(const Comparison& comparison, const BaselineEntry& entry) {
  SmallLevels result;
  std::vector<std::vector<double>> differences;  // [families][items]
  for (const EvalFamily& family : entry.report.families) {
    differences.emplace_back(family.items, 0.0);
  }
  for (const uint32_t name : comparison.levels) {
    const LevelScores* level = LevelOf(&entry, name);
    if (name > kSmallPermille || level == nullptr) continue;
    const LevelScores* other = level;
    if (&entry != comparison.elastic) {
      const Lead* lead = LeadOver(comparison, entry, name);
      if (lead == nullptr) continue;
      other = LevelOf(comparison.elastic, lead->elastic_permille);
    }
    ++result.levels;
    result.accuracy += MeanAccuracy(*level).value;
    for (size_t f = 0; f < differences.size(); ++f) {
      for (size_t i = 0; i < differences[f].size(); ++i) {
        differences[f][i] += static_cast<double>(level->families[f].correct[i]) -
                             static_cast<double>(other->families[f].correct[i]);
      }
    }
  }
  if (result.levels == 0) return result;
  const auto count = static_cast<double>(result.levels);
  result.accuracy /= count;
  std::vector<Estimate> families;
  for (std::vector<double>& family : differences) {
    for (double& difference : family) difference /= count;
    families.push_back(MeanOf(family));
  }
  result.difference = MeanOfEstimates(families);
  return result;
}

ReportRow RowOf(const Comparison& comparison, const BaselineEntry& entry) {
  ReportRow row{.cells = {{MethodTitle(entry.method)}}, .strong = &entry == comparison.elastic};
  if (entry.recovery_tokens > 0) {
    row.cells.front().detail = StrCat((entry.recovery_tokens + 500) / 1000, "k tokens");
  }
  return row;
}

// "", or ", @33.3 %" where a level is not what its name says.
std::string ShareMark(const LevelScores& level) {
  if (std::abs(level.reached_share - level.name_permille / 1000.0) <= kLevelTolerance) return "";
  return Format("@%.1f %%", 100 * level.reached_share);
}

// Both parts of a small print.
std::string Joined(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + ", " + b;
}

// What the elastic model leads those methods by, on average, that are derived from the one model.
ReportRow MeanLeadRow(const Comparison& comparison) {
  ReportRow row{.cells = {{"mean of what is derived from one model"}}};
  double small_sum = 0;
  size_t small_count = 0;
  for (const uint32_t name : comparison.levels) {
    double sum = 0;
    size_t count = 0;
    for (const Lead& lead : comparison.leads) {
      if (lead.name_permille != name || !IsDerivedMethod(lead.method)) continue;
      sum -= lead.points.value;
      ++count;
    }
    row.cells.push_back({"", count == 0 ? "" : Format("%+.1f", 100 * sum / count)});
    if (name > kSmallPermille) continue;
    small_sum += sum;
    small_count += count;
  }
  row.cells.push_back({"", small_count == 0 ? "" : Format("%+.1f", 100 * small_sum / small_count)});
  return row;
}

ReportTable AccuracyTable(const Comparison& comparison) {
  ReportTable table{
      "Mean accuracy in per cent, and below it the difference from the elastic model in "
      "points ± paired standard error; ahead: beyond the 95 % interval; @: the true "
      "share where it is more than a point away from the level's name",
      {"method"},
      {}};
  for (const uint32_t name : comparison.levels) table.heading.push_back(LevelName(name));
  table.heading.push_back("mean to " + LevelName(kSmallPermille));
  for (const BaselineEntry* entry : comparison.entries) {
    ReportRow row = RowOf(comparison, *entry);
    for (const uint32_t name : comparison.levels) {
      ReportCell cell;
      if (const LevelScores* level = LevelOf(entry, name)) {
        const Lead* lead = LeadOver(comparison, *entry, name);
        cell = {Format("%.1f", 100 * MeanAccuracy(*level).value),
                Joined(lead == nullptr ? "" : LeadText(*lead), ShareMark(*level))};
      }
      row.cells.push_back(std::move(cell));
    }
    const SmallLevels small = SumUpSmall(comparison, *entry);
    ReportCell cell;
    if (small.levels > 0) {
      cell.value = Format("%.1f", 100 * small.accuracy);
      if (entry != comparison.elastic) cell.detail = PercentText(small.difference, "%+.1f");
    }
    row.cells.push_back(std::move(cell));
    table.rows.push_back(std::move(row));
  }
  if (!comparison.leads.empty()) table.rows.push_back(MeanLeadRow(comparison));
  return table;
}

ReportTable LossTable(const Comparison& comparison, size_t text) {
  ReportTable table{"Loss on " + comparison.entries.front()->report.texts[text].name +
                        " in nats per token, and below it the difference from the elastic model at "
                        "the level of that name ± paired standard error",
                    {"method"},
                    {}};
  for (const uint32_t name : comparison.levels) table.heading.push_back(LevelName(name));
  for (const BaselineEntry* entry : comparison.entries) {
    ReportRow row = RowOf(comparison, *entry);
    for (const uint32_t name : comparison.levels) {
      ReportCell cell;
      if (const LevelScores* level = LevelOf(entry, name)) {
        cell.value = Format("%.3f", TextLoss(level->texts[text]).value);
        const LevelScores* other = LevelOf(comparison.elastic, name);
        if (other != nullptr && other != level) {
          cell.detail =
              LossText(TextLossDifference(level->texts[text], other->texts[text]), "%+.3f");
        }
        cell.detail = Joined(cell.detail, ShareMark(*level));
      }
      row.cells.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

template <typename Value>
ReportChart ChartOf(const Comparison& comparison, const std::string& title, const std::string& unit,
                    const Value& value) {
  ReportChart chart{title, "true share of the weights, per cent", unit, {}};
  chart.x_min = 0;
  chart.x_max = 100;
  for (const BaselineEntry* entry : comparison.entries) {
    ChartLine line{
        .name = MethodTitle(entry->method), .points = {}, .strong = entry == comparison.elastic};
    for (const LevelScores& level : entry->report.levels) {
      line.points.emplace_back(100 * level.reached_share, value(level));
    }
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

ReportSection SectionOf(const NamedBaselines& named, BaselineTable table,
                        const Comparison& comparison) {
  const bool published = table == BaselineTable::kPublished;
  ReportSection section{
      .title = published ? "Alternatives as published" : "Alternatives after the same recovery",
      .text = std::string(
                  published ? "Table (a): every method as it was published, with or without "
                              "recovery"
                            : "Table (b): every method that can be recovered, on as many tokens") +
              ", from " + named.name +
              ". All answer the same items by one code path; curves stand over the share that was "
              "really reached."};
  const EvalReport& first = comparison.entries.front()->report;
  if (!first.families.empty()) {
    ReportChart chart =
        ChartOf(comparison, "Mean accuracy by method", "per cent",
                [](const LevelScores& level) { return 100 * MeanAccuracy(level).value; });
    chart.y_min = 0;
    section.charts.push_back(std::move(chart));
    section.tables.push_back(AccuracyTable(comparison));
  }
  for (size_t text = 0; text < first.texts.size(); ++text) {
    section.charts.push_back(
        ChartOf(comparison, "Loss on " + first.texts[text].name + " by method", "nats per token",
                [text](const LevelScores& level) { return TextLoss(level.texts[text]).value; }));
    section.tables.push_back(LossTable(comparison, text));
  }
  for (const BaselineEntry* entry : comparison.entries) {
    if (entry->note.empty()) continue;
    section.notes.push_back(MethodTitle(entry->method) + ": " + entry->note);
  }
  return section;
}

}  // namespace

std::vector<ReportSection> BaselineSections(const ReportContents& contents) {
  std::vector<ReportSection> sections;
  for (const NamedBaselines& named : contents.baselines) {
    for (const BaselineTable table : {BaselineTable::kPublished, BaselineTable::kSameRecovery}) {
      const Comparison comparison = Gather(named.report, table);
      if (comparison.entries.empty()) continue;
      sections.push_back(SectionOf(named, table, comparison));
    }
  }
  return sections;
}

}  // namespace elm
