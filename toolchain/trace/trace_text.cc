#include "toolchain/trace/trace_text.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "formats/base/status.h"
#include "toolchain/eval/text_table.h"
#include "toolchain/trace/trace_summary.h"

namespace elm {
namespace {

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 96> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, args...);
  return buffer.data();
}

std::string AlphaText(const std::optional<double>& alpha, bool several) {
  if (alpha) return Format("alpha %g", *alpha);
  return several ? "all" : "accuracy";
}

// "+12.3 (10.1 to 14.5)" in points; a star where ours is behind beyond doubt.
std::string LeadText(const PolicySummary& policy) {
  const Estimate& lead = policy.lead;
  if (std::isnan(lead.standard_error)) return Format("%+.1f", 100 * lead.value);
  const double half = kInterval95 * lead.standard_error;
  return Format("%+.1f (%.1f to %.1f)", 100 * lead.value, 100 * (lead.value - half),
                100 * (lead.value + half)) +
         (policy.ahead_of_ours() ? "*" : "");
}

std::string TitleOf(const PolicySummary& policy) {
  return policy.table.empty() ? policy.title : StrCat(policy.title, " (", policy.table, ")");
}

std::string EconomicsText(const EconomicsResults& results) {
  const std::vector<GroupSummary> groups = Summarise(results);
  if (groups.empty()) return "";
  const GroupSummary& all = groups.back();
  std::vector<std::string> heading = {""};
  for (const GroupSummary& group : groups) {
    heading.push_back(AlphaText(group.alpha, groups.size() > 1));
  }
  for (const char* column : {"SLO met", "of all", "right in time", "ours ahead by"}) {
    heading.emplace_back(column);
  }
  TextTable table;
  table.Add(heading);
  bool behind = false;
  for (size_t row = 0; row < all.policies.size(); ++row) {
    const PolicySummary& policy = all.policies[row];
    std::vector<std::string> cells = {TitleOf(policy)};
    for (const GroupSummary& group : groups) {
      cells.push_back(PercentText(group.policies[row].accuracy));
    }
    cells.push_back(Format("%.1f", 100 * policy.attainment.share()));
    cells.push_back(Format("%.1f", 100 * policy.attainment.of_all()));
    cells.push_back(Format("%.1f", 100 * policy.in_time.value));
    cells.push_back(policy.role == PolicyRole::kOurs ? "" : LeadText(policy));
    behind = behind || policy.ahead_of_ours();
    table.Add(cells);
  }
  return StrCat("(b) A big LLM's economics by ", results.table, ": accuracy in per cent, ",
                all.requests, " requests in ", all.traces, " traces\n", table.Text(),
                "SLO met: of those requests that some pair of levels was feasible for. (a) as "
                "published, (b) after the same recovery.\nAhead: points over all traces, paired by "
                "request, 95 % interval.",
                behind ? " *: ours is behind beyond it.\n" : "\n");
}

std::string DeviceText(const DeviceResults& results) {
  const std::vector<DeviceSummary> summaries = Summarise(results);
  if (summaries.empty()) return "";
  TextTable table;
  table.Add({"", "requests", "accuracy", "feasible", "SLO met", "of all", "TTFT p50", "p95",
             "TPOT p50", "p95", "tiny LM of TTFT"});
  for (const DeviceSummary& summary : summaries) {
    table.Add({AlphaText(summary.alpha, summaries.size() > 1), std::to_string(summary.requests),
               PercentText(summary.accuracy), std::to_string(summary.attainment.feasible),
               Format("%.1f", 100 * summary.attainment.share()),
               Format("%.1f", 100 * summary.attainment.of_all()),
               Format("%.2f", summary.ttft_median), Format("%.2f", summary.ttft_p95),
               Format("%.2f", summary.tpot_median), Format("%.2f", summary.tpot_p95),
               Format("%.1f %%", 100 * summary.tlm_share)});
  }
  return StrCat("(a) All real, on this machine's clock (", results.table, ")\n", table.Text(),
                "TTFT and TPOT: measured over predicted.\n");
}

}  // namespace

std::string TraceResultsText(const TraceResults& results) {
  std::string text;
  if (results.device) text += DeviceText(*results.device);
  if (results.economics && results.economics->finished()) {
    if (!text.empty()) text += '\n';
    text += EconomicsText(*results.economics);
  }
  return text;
}

}  // namespace elm
