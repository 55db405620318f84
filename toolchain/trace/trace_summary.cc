#include "toolchain/trace/trace_summary.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "toolchain/trace/clustered_mean.h"

namespace elm {
namespace {

// A request of a group of traces.
struct Asked {
  const TraceCase* of;
  uint32_t cluster;
};

// What a policy, or a mean of several, did with each request.
struct Served {
  std::vector<double> correct;
  std::vector<double> in_time;
  std::vector<double> met;
};

Served ServeAll(std::span<const Asked> asked, std::span<const TracePolicy* const> policies) {
  Served served;
  const double part = 1.0 / static_cast<double>(policies.size());
  for (const Asked& request : asked) {
    double correct = 0;
    double in_time = 0;
    double met = 0;
    for (const TracePolicy* policy : policies) {
      const PolicyAnswer& answer = request.of->answers.at(policy->name);
      correct += answer.correct ? part : 0;
      in_time += answer.correct && answer.met ? part : 0;
      met += answer.met ? part : 0;
    }
    served.correct.push_back(correct);
    served.in_time.push_back(in_time);
    served.met.push_back(met);
  }
  return served;
}

class Group {
 public:
  Group(const EconomicsResults& results, const std::set<size_t>& traces) : results_(results) {
    for (const size_t trace : traces) {
      for (const uint32_t index : results.traces[trace].cases) {
        asked_.push_back({&results.cases[index], index});
        clusters_.push_back(index);
      }
    }
    for (const TracePolicy& policy : results.policies) {
      if (policy.role == PolicyRole::kOurs) ours_ = ServeAll(asked_, std::vector{&policy});
    }
  }

  GroupSummary Summary(std::optional<double> alpha, size_t traces) const {
    GroupSummary summary{alpha, traces, asked_.size(), {}};
    const auto& policies = results_.policies;
    for (size_t i = 0; i < policies.size(); ++i) {
      summary.policies.push_back(Of(policies[i], std::vector{&policies[i]}));
      const bool last_of_table =
          policies[i].role == PolicyRole::kBaseline &&
          (i + 1 == policies.size() || policies[i + 1].role != PolicyRole::kBaseline ||
           policies[i + 1].table != policies[i].table);
      if (last_of_table) AddMean(policies[i].table, summary);
    }
    return summary;
  }

 private:
  void AddMean(const std::string& table, GroupSummary& summary) const {
    std::vector<const TracePolicy*> baselines;
    for (const TracePolicy& policy : results_.policies) {
      if (policy.role == PolicyRole::kBaseline && policy.table == table) {
        baselines.push_back(&policy);
      }
    }
    const TracePolicy mean{"mean/" + table, "mean of the " + std::to_string(baselines.size()),
                           PolicyRole::kOther, table, ""};
    summary.policies.push_back(Of(mean, baselines));
  }

  PolicySummary Of(const TracePolicy& policy,
                   const std::vector<const TracePolicy*>& policies) const {
    const Served served = ServeAll(asked_, policies);
    PolicySummary summary{.name = policy.name,
                          .title = policy.title,
                          .role = policy.role,
                          .table = policy.table,
                          .accuracy = ClusteredMean(served.correct, clusters_),
                          .in_time = ClusteredMean(served.in_time, clusters_),
                          .attainment = {},
                          .lead = {}};
    for (size_t i = 0; i < asked_.size(); ++i) {
      summary.attainment.Add(asked_[i].of->feasible_pairs > 0, served.met[i]);
    }
    if (policy.role == PolicyRole::kOurs || ours_.correct.empty()) return summary;
    std::vector<double> differences(asked_.size());
    for (size_t i = 0; i < differences.size(); ++i) {
      differences[i] = ours_.correct[i] - served.correct[i];
    }
    summary.lead = ClusteredMean(differences, clusters_);
    return summary;
  }

  const EconomicsResults& results_;
  std::vector<Asked> asked_;
  std::vector<uint32_t> clusters_;
  Served ours_;
};

// Indices of traces by alpha, and all of them behind, when there are several alphas.
template <typename Trace>
std::vector<std::pair<std::optional<double>, std::set<size_t>>> GroupsOf(
    const std::vector<Trace>& traces) {
  std::map<std::optional<double>, std::set<size_t>> by_alpha;
  std::set<size_t> all;
  for (size_t i = 0; i < traces.size(); ++i) {
    by_alpha[traces[i].alpha].insert(i);
    all.insert(i);
  }
  std::vector<std::pair<std::optional<double>, std::set<size_t>>> groups(by_alpha.begin(),
                                                                         by_alpha.end());
  if (groups.size() > 1) groups.emplace_back(std::nullopt, all);
  return groups;
}

double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  const auto place =
      values.begin() + static_cast<ptrdiff_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

DeviceSummary SummariseRequests(std::optional<double> alpha,
                                std::span<const DeviceRequest* const> requests) {
  DeviceSummary summary;
  summary.alpha = alpha;
  summary.requests = requests.size();
  std::map<std::pair<std::string, std::string>, uint32_t> tasks;
  std::vector<double> correct;
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> waits;
  std::vector<uint32_t> clusters;
  double tlm = 0;
  double of_ttft = 0;
  for (const DeviceRequest* request : requests) {
    const auto next = static_cast<uint32_t>(tasks.size());
    clusters.push_back(tasks.try_emplace({request->app, request->task}, next).first->second);
    correct.push_back(request->correct ? 1 : 0);
    summary.attainment.Add(request->feasible, request->met ? 1 : 0);
    if (request->predicted_ttft_ms > 0)
      ttft.push_back(request->ttft_ms / request->predicted_ttft_ms);
    if (request->predicted_tpot_ms > 0 && request->tpot_ms > 0) {
      tpot.push_back(request->tpot_ms / request->predicted_tpot_ms);
    }
    waits.push_back(request->wait_ms);
    if (request->tlm_ms > 0) {
      tlm += request->tlm_ms;
      of_ttft += request->ttft_ms;
    }
  }
  summary.accuracy = ClusteredMean(correct, clusters);
  summary.ttft_median = Quantile(ttft, 0.5);
  summary.ttft_p95 = Quantile(ttft, 0.95);
  summary.tpot_median = Quantile(tpot, 0.5);
  summary.tpot_p95 = Quantile(tpot, 0.95);
  summary.tlm_share = of_ttft > 0 ? tlm / of_ttft : 0;
  summary.wait_p95_ms = Quantile(waits, 0.95);
  return summary;
}

}  // namespace

const PolicySummary* GroupSummary::Find(const std::string& name) const {
  const auto found = std::find_if(policies.begin(), policies.end(),
                                  [&](const PolicySummary& one) { return one.name == name; });
  return found == policies.end() ? nullptr : &*found;
}

std::vector<GroupSummary> Summarise(const EconomicsResults& results) {
  std::vector<GroupSummary> summaries;
  for (const auto& [alpha, traces] : GroupsOf(results.traces)) {
    summaries.push_back(Group(results, traces).Summary(alpha, traces.size()));
  }
  return summaries;
}

std::vector<DeviceSummary> Summarise(const DeviceResults& results) {
  std::vector<DeviceSummary> summaries;
  for (const auto& [alpha, traces] : GroupsOf(results.traces)) {
    std::vector<const DeviceRequest*> requests;
    for (const size_t trace : traces) {
      for (const DeviceRequest& request : results.traces[trace].requests) {
        requests.push_back(&request);
      }
    }
    if (!requests.empty()) summaries.push_back(SummariseRequests(alpha, requests));
  }
  return summaries;
}

std::vector<FamilySummary> SummariseFamilies(const EconomicsResults& results,
                                             const std::string& policy) {
  struct Rows {
    std::vector<double> correct;
    std::vector<uint32_t> clusters;
    Attainment attainment;
  };
  std::map<std::pair<std::string, std::string>, Rows> families;
  for (const PlayedTrace& trace : results.traces) {
    for (const uint32_t index : trace.cases) {
      const TraceCase& one = results.cases[index];
      Rows& rows = families[{one.app, one.family}];
      const PolicyAnswer& answer = one.answers.at(policy);
      rows.correct.push_back(answer.correct ? 1 : 0);
      rows.clusters.push_back(index);
      rows.attainment.Add(one.feasible_pairs > 0, answer.met ? 1 : 0);
    }
  }
  std::vector<FamilySummary> summaries;
  for (const auto& [name, rows] : families) {
    summaries.push_back({name.first, name.second, rows.correct.size(),
                         ClusteredMean(rows.correct, rows.clusters), rows.attainment});
  }
  return summaries;
}

}  // namespace elm
