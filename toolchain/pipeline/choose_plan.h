// Which plan is best is measured, not assumed: every candidate (unit policy x score metric) is cut
// for real at every level and judged by its loss on held-out text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/workspace/scores.h"
#include "toolchain/model/llama.h"
#include "toolchain/plan/plan.h"

namespace elm {

struct PlanCandidate {
  UnitPolicy policy = UnitPolicy::kKvGroup;
  ScoreMetric metric = ScoreMetric::kToken;
  PlanResult result;
  std::vector<double> level_nll;  // per level of the plan's table, nats per token
  double mean_nll = 0;            // over the levels below 1.0, or of 1.0 when it is the only one
};

// All combinations of `policies` and `metrics`. With a single combination it is measured all the
// same: its losses go into the table that the user sees.
std::vector<PlanCandidate> MeasureCandidates(
    const Llama& model, const UnitScores& units, const LayerScores& layers,
    const TokenWindows& held_out, size_t batch, const PlanOptions& options,
    const std::vector<UnitPolicy>& policies, const std::vector<ScoreMetric>& metrics,
    const std::function<void(size_t done, size_t total)>& progress);

// Index of the lowest mean loss; the first on a tie.
size_t BestCandidate(const std::vector<PlanCandidate>& candidates);

// The metrics that `units` holds for both heads and neurons.
std::vector<ScoreMetric> MeasuredMetrics(const UnitScores& units);

}  // namespace elm
