// How baselines serve a request: by the same latency table, limits and margin as the elastic model,
// each at its best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/orchestrator/feasibility.h"
#include "toolchain/trace/share_latency.h"

namespace elm {

// One of the models that a baseline can choose among; the whole model is one of them.
struct BaselineLevel {
  double share = 1;     // true share of the weights that it computes with
  double accuracy = 0;  // by validation
};

// What is chosen for one request.
struct BaselinePick {
  size_t level = 0;   // index
  size_t prompt = 0;  // index of the prompt level, where there is one to choose
  double ttft_ms = 0;
  double tpot_ms = 0;
  bool feasible = true;  // otherwise nothing is: the lightest, and the SLO is broken
};

// A baseline reads the full prompt. Chosen is the most accurate level whose TTFT (with the switch
// to it) and TPOT are within (1 - margin) of the limits, the lighter one of equally accurate ones;
// where none is, the lightest. The whole model is always feasible where the limits allow
// everything. `levels` not empty.
BaselinePick PickLevel(std::span<const BaselineLevel> levels, const ShareLatency& latency,
                       const SloLimits& limits, size_t prompt_tokens, uint32_t output_tokens);

// LLMLingua-2 with contextual sparsity. The prompt pays for TTFT: the fullest prompt level that is
// feasible with the whole model, by `full_model` (one entry for each prompt level: tiny LM,
// selection, switch and prefill, as FindFeasible() says of the whole model). Sparsity pays for
// TPOT alone, since a prompt's tokens together need all units: the most accurate level whose TPOT
// behind the shortened prompt is within the limit. Where a part is not feasible, its lightest
// choice, and the SLO is broken. `levels` and `full_model` not empty.
BaselinePick PickPromptAndSparsity(std::span<const BaselineLevel> levels,
                                   std::span<const PairCost> full_model,
                                   std::span<const uint32_t> kept_tokens,
                                   const ShareLatency& latency, const SloLimits& limits,
                                   uint32_t output_tokens);

}  // namespace elm
