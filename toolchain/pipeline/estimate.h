// What a run will take, from the checkpoint's shape alone. Estimates to plan by, not promises.
#pragma once

#include <cstdint>
#include <string>

#include "toolchain/pipeline/run_context.h"

namespace elm {

// The bundle's size: exact but for the provenance text and the adapters, whose level table is not
// known yet.
uint64_t EstimateBundleBytes(RunContext& context);

// Scores, plan and windows.
uint64_t EstimateWorkspaceBytes(RunContext& context);

// Peak of LibTorch's memory: the model, its reordered copy, and what one batch keeps for its
// backward pass.
uint64_t EstimateMemoryBytes(RunContext& context);

// Seconds per stage, from the number of multiplications and a short measurement of this machine's
// rate.
struct StageSeconds {
  double import = 0;
  double profile = 0;
  double plan = 0;
  double reorder = 0;
  double recover = 0;
  double pack = 0;
  double verify = 0;

  double of(const std::string& stage) const;
};
StageSeconds EstimateSeconds(RunContext& context);

}  // namespace elm
