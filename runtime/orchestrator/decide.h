// The chooser: one pair of levels for one request.
#pragma once

#include <cstddef>

#include "formats/model/accuracy_grid.h"
#include "formats/model/tlm_settings.h"
#include "runtime/orchestrator/feasibility.h"
#include "runtime/tlm/tiny_lm.h"

namespace elm {

// Who chose.
enum class DecisionSource {
  kEverything,   // the SLO allows the full model on the full prompt
  kGrid,         // the feasible pair whose answer is right with the highest probability
  kClassifiers,  // both classifiers' first choice, which was feasible
  kFallback,     // that choice was not: the feasible pair of the highest measured accuracy
  kAccuracy,     // the tiny LM was not asked: the same
  kLargest,      // nothing is known about accuracy: the largest feasible model, then prompt
  kNearestMiss,  // no pair is feasible
};
const char* DecisionSourceName(DecisionSource source);

struct Decision {
  size_t prompt_level = 0;  // indices into the grid
  size_t model_level = 0;
  DecisionSource source = DecisionSource::kEverything;
  bool feasible = false;  // false: `slo_infeasible`
  PairCost predicted;
};

// The pair to answer with. `answer` is null when the tiny LM was not asked, `accuracy` when none is
// known; a pair that the accuracy grid does not name counts as one that is never right. Equal
// choices go to the lightest pair.
//
// Where no pair is feasible: among those that miss the limits by at most kMissTolerance more than
// the one that misses them least, the one of the highest measured accuracy.
Decision Decide(const Feasibility& feasibility, const TlmAnswer* answer,
                const AccuracyGrid* accuracy, DecisionKind kind);

inline constexpr double kMissTolerance = 0.02;

}  // namespace elm
