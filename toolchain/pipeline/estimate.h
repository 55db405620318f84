// What a run will take, from the model's shape alone. Estimates to plan by, not promises: they
// count multiplications and bytes, and `layer_benchmark` holds them against one measured layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "toolchain/pipeline/machine_speed.h"
#include "toolchain/pipeline/run_shape.h"
#include "toolchain/recover/recover_memory.h"

namespace elm {

// The bundle's size: exact but for the provenance text and the adapters, whose level table is not
// known yet.
uint64_t EstimateBundleBytes(const RunShape& shape);

// Scores, plan and windows.
uint64_t EstimateWorkspaceBytes(const RunShape& shape);

struct StageEstimate {
  std::string stage;
  // At the stage's peak, without the mapped checkpoint. On the processor everything is in `host`.
  uint64_t host_bytes = 0;
  uint64_t device_bytes = 0;
  double seconds = 0;
};

// import, profile, plan, reorder, recover, tlm, pack, verify.
std::vector<StageEstimate> EstimateStages(const RunShape& shape, const MachineSpeed& speed);

// Of the stage recover, beside the model; `checkpoint_layers` as the flag of that name.
RecoverMemory EstimateRecovery(const RunShape& shape, bool checkpoint_layers);

}  // namespace elm
