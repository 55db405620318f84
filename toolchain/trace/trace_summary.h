// What follows from the results of traces: accuracy, attainment, and how far ahead of whom.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "toolchain/eval/statistics.h"
#include "toolchain/trace/attainment.h"
#include "toolchain/trace/trace_results.h"

namespace elm {

// Half of a 95 % interval, in standard errors.
inline constexpr double kInterval95 = 1.96;

// One policy over a group of traces. Standard errors take each task as one draw, however often it
// is asked.
struct PolicySummary {
  std::string name;
  std::string title;
  PolicyRole role = PolicyRole::kOther;
  std::string table;
  Estimate accuracy;  // right answers, in time or not
  Estimate in_time;   // right answers within the SLO
  Attainment attainment;
  Estimate lead;  // ours minus this one, paired by request; zero for ours itself
  // Ours is less accurate, and the paired 95 % interval leaves no doubt.
  bool ahead_of_ours() const { return lead.value + kInterval95 * lead.standard_error < 0; }
};

struct GroupSummary {
  std::optional<double> alpha;  // of all its traces; nothing: of all traces there are
  size_t traces = 0;
  size_t requests = 0;
  // In the order of EconomicsResults::policies; behind the baselines of each table their mean,
  // named "mean/a" and "mean/b".
  std::vector<PolicySummary> policies;

  const PolicySummary* Find(const std::string& name) const;  // nullptr when there is none
};

// One group for each alpha, ascending, then all traces together when there are several alphas.
std::vector<GroupSummary> Summarise(const EconomicsResults& results);

// Set-up (a).
struct DeviceSummary {
  std::optional<double> alpha;
  size_t requests = 0;
  Estimate accuracy;
  Attainment attainment;
  // Measured over predicted: median, and 95th percentile. 0 where nothing was predicted.
  double ttft_median = 0, ttft_p95 = 0;
  double tpot_median = 0, tpot_p95 = 0;
  double tlm_share = 0;  // of all TTFT, of requests that asked the tiny LM
  double wait_p95_ms = 0;
};

// One for each alpha, ascending, then all together when there are several.
std::vector<DeviceSummary> Summarise(const DeviceResults& results);

// The accuracy of each family at one policy, over all traces: for tables that look closer.
struct FamilySummary {
  std::string app;
  std::string family;
  size_t requests = 0;
  Estimate accuracy;
  Attainment attainment;
};
std::vector<FamilySummary> SummariseFamilies(const EconomicsResults& results,
                                             const std::string& policy);

}  // namespace elm
