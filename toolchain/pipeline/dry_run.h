// What a run would do and take, before it does.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "toolchain/pipeline/estimate.h"
#include "toolchain/pipeline/stage_outcome.h"

namespace elm {

struct DryRun {
  std::string model;                     // the checkpoint, or the name of a shape
  std::string workspace;                 // empty: there is no run yet, only a shape
  std::vector<StageOutcome> stages;      // `ran`: would run; `seconds`: an estimate
  std::vector<StageEstimate> estimates;  // [stages]
  std::string device;
  std::string speed;  // what the seconds were reckoned with
  // Of the stage recover, beside the model: as its options are, with layers' activations kept, and
  // with them computed again.
  RecoverMemory recovery;
  RecoverMemory recovery_keeping;
  RecoverMemory recovery_checkpointing;
  uint64_t bundle_bytes = 0;
  uint64_t workspace_bytes = 0;
  uint64_t free_bytes = 0;   // on the output's disk
  uint64_t free_memory = 0;  // of this machine, 0: not known

  uint64_t most_host_bytes() const;
  uint64_t most_device_bytes() const;
};

// Fills in everything but workspace and stages, of which the names are known.
void AddEstimates(const RunShape& shape, DryRun& run);

// A table of stages, and what holds of all of them.
std::string DryRunText(const DryRun& run);
nlohmann::json DryRunJson(const DryRun& run);

}  // namespace elm
