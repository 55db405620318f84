#include "toolchain/report/trace_section.h"

#include <cmath>
#include <string>

#include "formats/base/status.h"
#include "toolchain/base/quantities.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/trace/trace_summary.h"

namespace elm {
namespace {

std::string AlphaName(const std::optional<double>& alpha, bool several) {
  if (alpha) return Format("alpha %g", *alpha);
  return several ? "all" : "accuracy";
}

ReportCell AccuracyCell(const Estimate& accuracy) {
  ReportCell cell{Format("%.1f", 100 * accuracy.value)};
  if (!std::isnan(accuracy.standard_error)) {
    cell.detail = Format("±%.1f", 100 * accuracy.standard_error);
  }
  return cell;
}

ReportCell PercentCell(double share) { return {Format("%.1f", 100 * share)}; }

ReportCell LeadCell(const PolicySummary& policy) {
  if (policy.role == PolicyRole::kOurs) return {""};
  ReportCell cell{Format("%+.1f", 100 * policy.lead.value)};
  if (std::isnan(policy.lead.standard_error)) return cell;
  const double half = kInterval95 * policy.lead.standard_error;
  cell.detail =
      Format("%.1f to %.1f", 100 * (policy.lead.value - half), 100 * (policy.lead.value + half)) +
      (policy.ahead_of_ours() ? " behind" : "");
  return cell;
}

std::string TitleOf(const PolicySummary& policy) {
  return policy.table.empty() ? policy.title : StrCat(policy.title, " (", policy.table, ")");
}

ReportTable PolicyTable(const std::vector<GroupSummary>& groups) {
  const GroupSummary& all = groups.back();
  ReportTable table{
      "Accuracy in per cent ± standard error; SLO met: of the requests for which some pair of "
      "levels was feasible; ours ahead by: points, paired by request, and below it the 95 % "
      "interval",
      {"policy"},
      {}};
  for (const GroupSummary& group : groups) {
    table.heading.push_back(AlphaName(group.alpha, groups.size() > 1));
  }
  for (const char* column : {"SLO met", "met of all", "right in time", "ours ahead by"}) {
    table.heading.emplace_back(column);
  }
  for (size_t i = 0; i < all.policies.size(); ++i) {
    const PolicySummary& policy = all.policies[i];
    ReportRow row{.cells = {{TitleOf(policy)}}, .strong = policy.role == PolicyRole::kOurs};
    for (const GroupSummary& group : groups) {
      row.cells.push_back(AccuracyCell(group.policies[i].accuracy));
    }
    row.cells.push_back(PercentCell(policy.attainment.share()));
    row.cells.push_back(PercentCell(policy.attainment.of_all()));
    row.cells.push_back(PercentCell(policy.in_time.value));
    row.cells.push_back(LeadCell(policy));
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable AppTable(const EconomicsResults& results) {
  ReportTable table{"Our own accuracy app by app, over all traces",
                    {"app", "tasks", "requests", "accuracy", "feasible", "SLO met"},
                    {}};
  for (const FamilySummary& family : SummariseFamilies(results, kOurPolicy)) {
    table.rows.push_back({.cells = {{family.app},
                                    {family.family},
                                    {std::to_string(family.requests)},
                                    AccuracyCell(family.accuracy),
                                    {std::to_string(family.attainment.feasible)},
                                    PercentCell(family.attainment.share())}});
  }
  return table;
}

// Accuracy over alpha; only where there are several.
std::vector<ReportChart> AlphaCharts(const std::vector<GroupSummary>& groups) {
  if (groups.size() < 3) return {};
  ReportChart chart{"Accuracy over alpha (above 0: relaxed SLOs)", "alpha", "per cent", {}};
  const GroupSummary& all = groups.back();
  for (size_t i = 0; i < all.policies.size(); ++i) {
    const PolicySummary& policy = all.policies[i];
    ChartLine line{
        .name = TitleOf(policy), .points = {}, .strong = policy.role == PolicyRole::kOurs};
    line.dashed = policy.role == PolicyRole::kOther;
    for (const GroupSummary& group : groups) {
      if (group.alpha) {
        line.points.emplace_back(*group.alpha, 100 * group.policies[i].accuracy.value);
      }
    }
    chart.lines.push_back(std::move(line));
  }
  return {chart};
}

ReportSection EconomicsSection(const std::string& name, const EconomicsResults& results) {
  const std::vector<GroupSummary> groups = Summarise(results);
  ReportSection section{
      .title = "Traces in a big LLM's economics",
      .text = StrCat(name, ": what is right comes from the bundle, what it costs from the table ",
                     results.table, ", for every policy by the same rules; ",
                     groups.back().requests, " requests in ", groups.back().traces,
                     " traces. (a): a baseline as published, (b): after the same recovery.")};
  section.charts = AlphaCharts(groups);
  section.tables = {PolicyTable(groups), AppTable(results)};
  for (const TracePolicy& policy : results.policies) {
    if (!policy.note.empty()) section.notes.push_back(policy.title + ": " + policy.note);
  }
  return section;
}

ReportSection DeviceSection(const std::string& name, const DeviceResults& results) {
  const std::vector<DeviceSummary> summaries = Summarise(results);
  ReportSection section{
      .title = "Traces on the device's own clock",
      .text = StrCat(name, ": every request went through the runtime's orchestrator on ",
                     results.table, ": tiny LM, selection, switch, prefill and ",
                     results.output_tokens, " greedy tokens on the clock.")};
  ReportTable table{
      "SLO met: of the requests for which some pair of levels was feasible. TTFT and TPOT: "
      "measured over predicted, median and 95th percentile",
      {"", "requests", "accuracy", "feasible", "SLO met", "met of all", "TTFT", "TPOT",
       "tiny LM of TTFT"},
      {}};
  for (const DeviceSummary& summary : summaries) {
    table.rows.push_back(
        {.cells = {{AlphaName(summary.alpha, summaries.size() > 1)},
                   {std::to_string(summary.requests)},
                   AccuracyCell(summary.accuracy),
                   {std::to_string(summary.attainment.feasible)},
                   PercentCell(summary.attainment.share()),
                   PercentCell(summary.attainment.of_all()),
                   {Format("%.2f", summary.ttft_median), Format("%.2f", summary.ttft_p95)},
                   {Format("%.2f", summary.tpot_median), Format("%.2f", summary.tpot_p95)},
                   {Format("%.1f %%", 100 * summary.tlm_share)}}});
  }
  section.tables.push_back(std::move(table));
  return section;
}

}  // namespace

std::vector<ReportSection> TraceSections(const ReportContents& contents) {
  std::vector<ReportSection> sections;
  for (const NamedTraces& named : contents.traces) {
    const TraceResults& results = named.results;
    if (results.economics && results.economics->finished()) {
      sections.push_back(EconomicsSection(named.name, *results.economics));
    }
    if (results.device && !Summarise(*results.device).empty()) {
      sections.push_back(DeviceSection(named.name, *results.device));
    }
  }
  return sections;
}

}  // namespace elm
