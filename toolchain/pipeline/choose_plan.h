// Which plan is best is measured, not assumed: every candidate (unit policy x score metric, then
// the allocation) is cut for real at every level and judged on held-out text, after a short
// recovery where adapters will be trained.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/workspace/block_losses.h"
#include "formats/workspace/scores.h"
#include "toolchain/model/llama.h"
#include "toolchain/plan/plan.h"
#include "toolchain/recover/recover_options.h"
#include "toolchain/training/training_example.h"

namespace elm {

struct PlanCandidate {
  UnitPolicy policy = UnitPolicy::kKvGroup;
  ScoreMetric metric = ScoreMetric::kToken;
  Allocation allocation = Allocation::kUniform;
  PlanResult result;
  std::vector<double> level_nll;  // per level of the plan's table, nats per token
  double mean_nll = 0;            // over the levels below 1.0, or of 1.0 when it is the only one
  // Mean of the recovery's objective over the levels that were probed; nothing when none were.
  std::optional<double> probe_loss;
};

// What measuring a candidate finds: enough to make the same candidate again without measuring.
struct CandidateMeasurement {
  std::vector<double> level_nll;
  std::optional<double> probe_loss;
  BlockLosses block_losses;  // of a measured allocation
};

// Where measurements outlive an interrupted run, under the candidate's name ("kv-group_token_...").
struct MeasurementStore {
  std::function<std::optional<CandidateMeasurement>(const std::string& name)> find =
      [](const std::string&) { return std::nullopt; };
  std::function<void(const std::string& name, const CandidateMeasurement& found)> keep =
      [](const std::string&, const CandidateMeasurement&) {};
};

// What plans are made from and judged by.
struct PlanChoice {
  const Llama& model;
  const UnitScores& units;
  const LayerScores& layers;
  const TokenWindows& calibration;
  const TokenWindows& held_out;
  size_t batch = 4;
  PlanOptions options;
  std::vector<UnitPolicy> policies;
  std::vector<ScoreMetric> metrics;
  std::vector<Allocation> allocations;
  RecoverOptions recover;
  const ExampleSource& probe_examples;              // to recover on
  std::span<const TrainingExample> probe_held_out;  // and to judge by
  MeasurementStore store = {};
};

// All combinations of policies and metrics with the first allocation, then the best of them with
// the others. A single candidate is measured all the same, but not probed: its losses go into the
// table that the user sees. `progress` may throw to stop.
std::vector<PlanCandidate> MeasureCandidates(
    const PlanChoice& choice, const std::function<void(size_t done, size_t total)>& progress);

// Index of the best: the lowest probed loss, or the lowest mean loss where none was probed; the
// first on a tie.
size_t BestCandidate(const std::vector<PlanCandidate>& candidates);

// The metrics that `units` holds for both heads and neurons.
std::vector<ScoreMetric> MeasuredMetrics(const UnitScores& units);

}  // namespace elm
