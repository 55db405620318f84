#include "toolchain/pipeline/choose_plan.h"

#include <algorithm>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/profile/block_profile.h"
#include "toolchain/recover/probe.h"

namespace elm {
namespace {

// Blocks are profiled on the first windows only: each costs dozens of passes.
constexpr size_t kBlockWindows = 16;

TokenWindows FirstOf(TokenWindows windows, size_t count) {
  windows.ids.resize(std::min(count, windows.count()) * windows.length);
  return windows;
}

// Two levels that stand for all: the smallest, where plans differ most, and one half way up.
std::vector<size_t> ProbedLevels(const LevelTable& table) {
  const size_t below = table.levels.size() - 1;
  std::vector<size_t> levels;
  if (below == 0) return levels;
  levels.push_back(0);
  if (below / 2 != 0) levels.push_back(below / 2);
  return levels;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

class Measurement {
 public:
  Measurement(const PlanChoice& choice,
              const std::function<void(size_t done, size_t total)>& progress)
      : choice_(choice), progress_(progress) {
    const size_t candidates =
        choice.policies.size() * choice.metrics.size() + choice.allocations.size() - 1;
    probes_ = candidates > 1 && choice.recover.recovery != Recovery::kNone;
    const size_t levels = choice.options.levels.size() + 1;
    total_ = candidates * (levels + (probes_ ? kProbeUpdates : 0));
  }

  std::vector<PlanCandidate> Run() {
    std::vector<PlanCandidate> candidates;
    for (const UnitPolicy policy : choice_.policies) {
      for (const ScoreMetric metric : choice_.metrics) {
        candidates.push_back(Measure(policy, metric, choice_.allocations.front()));
      }
    }
    const PlanCandidate& best = candidates[BestCandidate(candidates)];
    const auto [policy, metric] = std::pair(best.policy, best.metric);
    for (size_t i = 1; i < choice_.allocations.size(); ++i) {
      candidates.push_back(Measure(policy, metric, choice_.allocations[i]));
    }
    progress_(total_, total_);
    return candidates;
  }

 private:
  void Advance() { progress_(std::min(++done_, total_), total_); }

  PlanCandidate Measure(UnitPolicy policy, ScoreMetric metric, Allocation allocation) {
    PlanOptions options = choice_.options;
    options.policy = policy;
    options.metric = metric;
    PlanCandidate candidate;
    candidate.policy = policy;
    candidate.metric = metric;
    candidate.allocation = allocation;
    const std::string name = StrCat(UnitPolicyName(policy), "_", ScoreMetricName(metric), "_",
                                    AllocationName(allocation));
    const std::optional<CandidateMeasurement> known = choice_.store.find(name);
    CandidateMeasurement found = known ? *known : CandidateMeasurement{};
    const ModelConfig& config = choice_.model.config();
    Llama reordered = choice_.model;
    if (!known) {
      reordered = choice_.model.Reordered(ValueOrThrow(OrderUnits(config, choice_.units, options)));
    }
    if (allocation != Allocation::kUniform) {
      // Allocations of one order of units share what cutting it has shown.
      const bool cut = cut_ && cut_->policy == policy && cut_->metric == metric;
      if (!known) found.block_losses = cut ? cut_->losses : CutBlocks(reordered, policy);
      if (!cut) cut_ = {policy, metric, found.block_losses};
      options.block_losses = &found.block_losses;
      if (allocation == Allocation::kCore) options.core_share = kCoreShare;
    }
    candidate.result = ValueOrThrow(MakePlan(config, choice_.units, choice_.layers, options));
    if (!known) {
      const LevelTable& levels = candidate.result.plan.levels;
      found.level_nll = MeasureLevels(reordered, levels);
      if (probes_) found.probe_loss = Probe(reordered, levels);
      choice_.store.keep(name, found);
    }
    candidate.level_nll = found.level_nll;
    candidate.probe_loss = found.probe_loss;
    std::vector<double> counted = candidate.level_nll;
    if (counted.size() > 1) counted.pop_back();
    candidate.mean_nll = Mean(counted);
    return candidate;
  }

  BlockLosses CutBlocks(const Llama& reordered, UnitPolicy policy) {
    const uint32_t heads =
        policy == UnitPolicy::kKvGroup ? choice_.model.config().queries_per_kv() : 1;
    return ProfileBlocks(reordered, heads, FirstOf(choice_.calibration, kBlockWindows),
                         {.batch = choice_.batch},
                         [this](size_t, size_t) { progress_(std::min(done_, total_), total_); });
  }

  std::vector<double> MeasureLevels(const Llama& reordered, const LevelTable& table) {
    std::vector<double> losses;
    for (const Level& level : table.levels) {
      ForwardOptions options;
      options.level = &level;
      losses.push_back(MeasureLoss(reordered, choice_.held_out, options, choice_.batch).mean);
      Advance();
    }
    return losses;
  }

  std::optional<double> Probe(const Llama& reordered, const LevelTable& levels) {
    const std::vector<size_t> chosen = ProbedLevels(levels);
    if (chosen.empty()) return std::nullopt;
    return Mean(ProbeRecovery(reordered, levels, chosen, choice_.probe_examples,
                              choice_.probe_held_out, choice_.recover, kProbeUpdates,
                              [this] { Advance(); }));
  }

  struct Cut {
    UnitPolicy policy;
    ScoreMetric metric;
    BlockLosses losses;
  };

  const PlanChoice& choice_;
  const std::function<void(size_t done, size_t total)>& progress_;
  std::optional<Cut> cut_;  // the last one
  bool probes_;
  size_t done_ = 0;
  size_t total_;
};

}  // namespace

std::vector<PlanCandidate> MeasureCandidates(
    const PlanChoice& choice, const std::function<void(size_t done, size_t total)>& progress) {
  return Measurement(choice, progress).Run();
}

size_t BestCandidate(const std::vector<PlanCandidate>& candidates) {
  const auto best = std::min_element(
      candidates.begin(), candidates.end(), [](const PlanCandidate& a, const PlanCandidate& b) {
        return a.probe_loss.value_or(a.mean_nll) < b.probe_loss.value_or(b.mean_nll);
      });
  return static_cast<size_t>(best - candidates.begin());
}

std::vector<ScoreMetric> MeasuredMetrics(const UnitScores& units) {
  std::vector<ScoreMetric> metrics;
  for (int i = 0; i < kScoreMetrics; ++i) {
    const MetricSums& sums = units.metrics[i];
    if (!sums.heads.empty() && !sums.groups.empty() && !sums.neurons.empty()) {
      metrics.push_back(static_cast<ScoreMetric>(i));
    }
  }
  return metrics;
}

}  // namespace elm
