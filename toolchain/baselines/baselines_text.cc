#include "toolchain/baselines/baselines_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "toolchain/baselines/baseline.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/plan/plan.h"

namespace elm {
namespace {

constexpr double kInterval95 = 1.96;
// The levels over which the published comparison is summed up.
constexpr uint32_t kLowLevels = 600;

std::string Fixed(const char* format, double value) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

std::vector<const BaselineEntry*> EntriesOf(const BaselinesReport& report, BaselineTable table) {
  std::vector<const BaselineEntry*> entries;
  for (const BaselineEntry& entry : report.entries) {
    if (entry.table == table) entries.push_back(&entry);
  }
  return entries;
}

const LevelScores* FindLevelScores(const BaselineEntry& entry, uint32_t name) {
  for (const LevelScores& level : entry.report.levels) {
    if (level.name_permille == name) return &level;
  }
  return nullptr;
}

// The heaviest level that is no heavier than `name`.
const LevelScores* AtMost(const BaselineEntry& entry, uint32_t name) {
  const LevelScores* found = nullptr;
  for (const LevelScores& level : entry.report.levels) {
    if (level.name_permille <= name) found = &level;
  }
  return found;
}

std::set<uint32_t> Rows(const std::vector<const BaselineEntry*>& entries) {
  std::set<uint32_t> rows;
  for (const BaselineEntry* entry : entries) {
    for (const LevelScores& level : entry->report.levels) rows.insert(level.name_permille);
  }
  return rows;
}

// "@33.3" where a level is not what its name says.
std::string ShareMark(const LevelScores& level) {
  if (std::abs(level.reached_share - level.name_permille / 1000.0) <= kLevelTolerance) return "";
  return Fixed(" @%.1f", 100 * level.reached_share);
}

using Cell = std::function<std::string(const BaselineEntry& entry, const LevelScores& level)>;

std::string Grid(const std::vector<const BaselineEntry*>& entries, const Cell& cell) {
  TextTable table;
  std::vector<std::string> heading = {"level"};
  for (const BaselineEntry* entry : entries) heading.push_back(MethodTitle(entry->method));
  table.Add(std::move(heading));
  for (const uint32_t name : Rows(entries)) {
    std::vector<std::string> row = {LevelName(name)};
    for (const BaselineEntry* entry : entries) {
      const LevelScores* level = FindLevelScores(*entry, name);
      row.push_back(level == nullptr ? "" : cell(*entry, *level));
    }
    table.Add(std::move(row));
  }
  return table.Text();
}

std::string LeadTable(const std::vector<const BaselineEntry*>& entries,
                      const std::vector<Lead>& leads) {
  std::vector<const BaselineEntry*> others;
  for (const BaselineEntry* entry : entries) {
    if (entry->method != kElasticMethod) others.push_back(entry);
  }
  return Grid(others, [&](const BaselineEntry& entry, const LevelScores& level) -> std::string {
    for (const Lead& lead : leads) {
      if (lead.method != entry.method || lead.name_permille != level.name_permille) continue;
      std::string text = PercentText(lead.points, "%+.1f") + (lead.behind() ? " !" : "");
      if (lead.elastic_permille != lead.name_permille) {
        text += " (" + LevelName(lead.elastic_permille) + ")";
      }
      return text;
    }
    return "";
  });
}

std::string Summary(const std::vector<Lead>& leads) {
  double sum = 0;
  size_t count = 0;
  std::string behind;
  for (const Lead& lead : leads) {
    if (lead.behind()) {
      behind += StrCat(behind.empty() ? "" : ", ", MethodTitle(lead.method), " at ",
                       LevelName(lead.name_permille));
    }
    if (!IsDerivedMethod(lead.method) || lead.name_permille > kLowLevels) continue;
    sum += lead.points.value;
    ++count;
  }
  std::string text;
  if (count > 0) {
    text += StrCat("Elastic minus the mean of what is derived from the one model, levels up to ",
                   LevelName(kLowLevels), ": ",
                   Fixed("%+.1f points\n", 100 * sum / static_cast<double>(count)));
  }
  text += StrCat(
      "Elastic is behind beyond the 95 % interval: ", behind.empty() ? "nowhere" : behind, "\n");
  return text;
}

std::string Notes(const std::vector<const BaselineEntry*>& entries) {
  std::string text = "\nWhat they are:\n";
  for (const BaselineEntry* entry : entries) {
    text += StrCat("  ", MethodTitle(entry->method), ": ", entry->note, "\n");
  }
  return text;
}

// Methods that only the other table has.
std::string LeftOut(const BaselinesReport& report) {
  std::string names;
  for (const BaselineEntry* entry : EntriesOf(report, BaselineTable::kPublished)) {
    if (report.Find(entry->method, BaselineTable::kSameRecovery) != nullptr) continue;
    const BaselineMethod* method = FindBaselineMethod(entry->method);
    const bool never = method == nullptr || method->recovery == BaselineRecovery::kNever;
    if (never) names += StrCat(names.empty() ? "" : ", ", MethodTitle(entry->method));
  }
  if (names.empty()) return "";
  return StrCat("Only in table (a), since an adapter has no one cut model to belong to: ", names,
                "\n");
}

std::string TableText(const BaselinesReport& report, BaselineTable table) {
  const std::vector<const BaselineEntry*> entries = EntriesOf(report, table);
  if (entries.empty()) return "";
  std::string text = table == BaselineTable::kPublished
                         ? "Table (a): each as it was published"
                         : "Table (b): the same recovery for all that can be recovered";
  const EvalReport& first = entries.front()->report;
  if (!first.families.empty()) {
    text += "; mean accuracy, per cent ± standard error\n";
    text += Grid(entries, [](const BaselineEntry&, const LevelScores& level) {
      return PercentText(MeanAccuracy(level)) + ShareMark(level);
    });
    text += "@: the share of the weights that was reached, where it is more than a point off\n";
    const std::vector<Lead> leads = Leads(report, table);
    if (!leads.empty()) {
      text +=
          "\nElastic minus each, points ± paired standard error; (level): a lighter elastic "
          "level; !: behind beyond 95 %\n";
      text += LeadTable(entries, leads);
      text += Summary(leads);
    }
  }
  for (size_t i = 0; i < first.texts.size(); ++i) {
    text += StrCat("\nLoss on ", first.texts[i].name, ", nats per token ± standard error\n");
    text += Grid(entries, [i](const BaselineEntry&, const LevelScores& level) {
      const Estimate loss = TextLoss(level.texts[i]);
      return Fixed("%.3f", loss.value) + Fixed(" ±%.3f", loss.standard_error) + ShareMark(level);
    });
  }
  if (table == BaselineTable::kSameRecovery) text += LeftOut(report);
  return text + Notes(entries);
}

}  // namespace

bool Lead::behind() const { return points.value < -kInterval95 * points.standard_error; }

bool IsDerivedMethod(const std::string& method) {
  if (method == kElasticMethod || method == kSiblingsMethod) return false;
  const BaselineMethod* found = FindBaselineMethod(method);
  return found == nullptr || found->realisable;
}

std::string MethodTitle(const std::string& method) {
  if (method == kElasticMethod) return "elastic";
  if (method == kSiblingsMethod) return "PFS";
  const BaselineMethod* found = FindBaselineMethod(method);
  return found == nullptr ? method : std::string(found->title);
}

std::vector<Lead> Leads(const BaselinesReport& report, BaselineTable table) {
  std::vector<Lead> leads;
  const BaselineEntry* elastic = report.Find(kElasticMethod, table);
  if (elastic == nullptr || elastic->report.families.empty()) return leads;
  for (const BaselineEntry* entry : EntriesOf(report, table)) {
    if (entry == elastic) continue;
    for (const LevelScores& level : entry->report.levels) {
      // Whole layers reach less than they are named after: elastic must not be the heavier one.
      const auto reached =
          static_cast<uint32_t>(std::lround(1000 * (level.reached_share + kLevelTolerance)));
      const LevelScores* own = AtMost(*elastic, std::min(level.name_permille, reached));
      if (level.name_permille == 1000 || own == nullptr) continue;
      leads.push_back({.method = entry->method,
                       .name_permille = level.name_permille,
                       .elastic_permille = own->name_permille,
                       .share = level.reached_share,
                       .points = MeanAccuracyDifference(*own, level)});
    }
  }
  return leads;
}

std::string BaselinesText(const BaselinesReport& report) {
  const std::string published = TableText(report, BaselineTable::kPublished);
  const std::string same = TableText(report, BaselineTable::kSameRecovery);
  return published + (published.empty() || same.empty() ? "" : "\n") + same;
}

}  // namespace elm
