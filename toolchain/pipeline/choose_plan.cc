#include "toolchain/pipeline/choose_plan.h"

#include <algorithm>

#include "toolchain/base/error.h"
#include "toolchain/eval/windows_loss.h"

namespace elm {
namespace {

void MeasureLevels(const Llama& reordered, const TokenWindows& held_out, size_t batch,
                   PlanCandidate& candidate, const std::function<void()>& level_done) {
  const std::vector<Level>& levels = candidate.result.plan.levels.levels;
  for (const Level& level : levels) {
    ForwardOptions options;
    options.level = &level;
    candidate.level_nll.push_back(MeasureLoss(reordered, held_out, options, batch).mean);
    level_done();
  }
  const size_t counted = std::max<size_t>(1, levels.size() - 1);
  for (size_t i = 0; i < counted; ++i) candidate.mean_nll += candidate.level_nll[i];
  candidate.mean_nll /= static_cast<double>(counted);
}

}  // namespace

std::vector<PlanCandidate> MeasureCandidates(
    const Llama& model, const UnitScores& units, const LayerScores& layers,
    const TokenWindows& held_out, size_t batch, const PlanOptions& options,
    const std::vector<UnitPolicy>& policies, const std::vector<ScoreMetric>& metrics,
    const std::function<void(size_t done, size_t total)>& progress) {
  std::vector<PlanCandidate> candidates;
  for (const UnitPolicy policy : policies) {
    for (const ScoreMetric metric : metrics) {
      PlanOptions chosen = options;
      chosen.policy = policy;
      chosen.metric = metric;
      PlanCandidate candidate;
      candidate.policy = policy;
      candidate.metric = metric;
      candidate.result = ValueOrThrow(MakePlan(model.config(), units, layers, chosen));
      candidates.push_back(std::move(candidate));
    }
  }
  size_t total = 0;
  for (const PlanCandidate& candidate : candidates) {
    total += candidate.result.plan.levels.levels.size();
  }
  size_t done = 0;
  for (PlanCandidate& candidate : candidates) {
    const Llama reordered = model.Reordered(candidate.result.plan.order);
    MeasureLevels(reordered, held_out, batch, candidate, [&] { progress(++done, total); });
  }
  return candidates;
}

size_t BestCandidate(const std::vector<PlanCandidate>& candidates) {
  const auto best = std::min_element(
      candidates.begin(), candidates.end(),
      [](const PlanCandidate& a, const PlanCandidate& b) { return a.mean_nll < b.mean_nll; });
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
