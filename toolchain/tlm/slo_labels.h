// Labels for any set of SLOs from one cube: which pairs of levels a question may use under an SLO,
// and the lightest of them that answers it right.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/model/accuracy_grid.h"
#include "formats/model/latency_table.h"
#include "runtime/orchestrator/feasibility.h"
#include "toolchain/tlm/label_cube.h"

namespace elm {

// Shares of the full model's latency on the full prompt.
struct SloShares {
  double ttft = 1;
  double tpot = 1;
};

// TTFT 20 to 100 % with TPOT 50 to 100 %, in steps of 10: 54.
std::vector<SloShares> UsualSlos();

// Tokens that an answer is taken to have, as the runtime takes it.
inline constexpr uint32_t kExpectedOutputTokens = 16;

// What a question of the cube may use under an SLO, by its own numbers of tokens and `table`.
Feasibility FeasibleFor(const LabelCube& cube, size_t item, const LatencyTable& table,
                        const SloShares& slo);

// The feasible pair with the highest accuracy, of equally good ones the lightest; nothing when none
// is feasible.
std::optional<size_t> BestFeasible(const Feasibility& feasibility,
                                   const std::vector<double>& accuracy);

struct SloLabel {
  size_t pair = 0;
  bool is_right = false;  // false: nothing feasible is right, the pair is the default
};

// The lightest feasible pair that is right; where none is, the feasible one with the best accuracy
// on the validation set. Nothing when no pair is feasible.
std::optional<SloLabel> LabelOf(const LabelCube& cube, size_t item, const Feasibility& feasibility,
                                const AccuracyGrid& validation);

}  // namespace elm
