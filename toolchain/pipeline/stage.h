// The stages of `elmc prepare`, in order. Each reads what earlier stages left in the workspace and
// leaves its own files there; none knows about resuming, which is the pipeline's business
// (prepare.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "toolchain/pipeline/run_context.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {

struct Stage {
  const char* name;
  const char* description;
  // Everything beside earlier stages' outputs that the result depends on.
  nlohmann::json (*inputs)(RunContext& context);
  // Files that the stage leaves behind, as paths.
  std::vector<std::string> (*outputs)(RunContext& context);
  void (*run)(RunContext& context);
};

// import, profile, plan, reorder, recover, tlm, pack, verify.
const std::vector<Stage>& Stages();

extern const Stage kImportStage;
extern const Stage kProfileStage;
extern const Stage kPlanStage;
extern const Stage kReorderStage;
extern const Stage kRecoverStage;
extern const Stage kTlmStage;
extern const Stage kPackStage;
extern const Stage kVerifyStage;

}  // namespace elm
