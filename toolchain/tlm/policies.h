// Ways to choose a pair of levels under an SLO, held against each other on the same questions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/model/accuracy_grid.h"
#include "formats/model/latency_table.h"
#include "formats/model/tlm_settings.h"
#include "toolchain/eval/statistics.h"
#include "toolchain/tlm/decision_head.h"
#include "toolchain/tlm/label_cube.h"
#include "toolchain/tlm/slo_labels.h"

namespace elm {

enum class Policy {
  kGrid,         // the grid head, as the runtime's chooser decides by it
  kClassifiers,  // the published heads, likewise
  kOracle,       // the best feasible pair of those right on another wording of the same question
  kRandom,       // any feasible pair: the mean over all of them
  kBestFixed,    // the feasible pair with the best accuracy on the validation set
  kModelOnly,    // the full prompt; of the feasible model levels the most accurate
  kPromptOnly,   // the full model; of the feasible prompt levels the most accurate
};
inline constexpr Policy kPolicies[] = {Policy::kGrid,      Policy::kClassifiers, Policy::kOracle,
                                       Policy::kRandom,    Policy::kBestFixed,   Policy::kModelOnly,
                                       Policy::kPromptOnly};
const char* PolicyName(
    Policy policy);  // "grid", "classifiers", "oracle", "random", "best fixed", ...

// What policies are measured on. All cubes have the same levels.
struct PolicyQuestions {
  const LabelCube& cube;        // where answers count
  const LabelCube* rewordings;  // the same questions in another wording; null: no oracle
  const AccuracyGrid& validation;
  const LatencyTable& table;
};

// The heads' outputs for all questions under an SLO.
using OutputsUnder = std::function<DecisionOutputs(const SloShares& slo)>;

// Right answers of each policy: per question the mean over those SLOs for which some pair is
// feasible; a policy whose own pairs are all infeasible has no answer in time and counts as wrong.
// Questions without any feasible SLO are left out of all.
struct PolicyScores {
  std::vector<std::vector<double>> right;  // [kPolicies][questions]; empty where not asked for
  size_t questions = 0;

  const std::vector<double>& of(Policy policy) const { return right[static_cast<size_t>(policy)]; }
};

PolicyScores ScorePolicies(const PolicyQuestions& questions, std::span<const SloShares> slos,
                           const OutputsUnder& outputs);

}  // namespace elm
