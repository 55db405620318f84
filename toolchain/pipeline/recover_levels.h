// The training of adapters in a workspace: by the stage of `elmc prepare` and by `elmc recover`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/workspace/plan_file.h"
#include "toolchain/pipeline/run_context.h"
#include "toolchain/recover/adapter_file.h"

namespace elm {

class ProcessGroup;

struct RecoveredLevel {
  uint32_t name_permille = 0;
  AdapterRecord record;
};

// Trains the adapters of the levels `only` (thousandths; empty: all but the full level) that have
// none yet, by the plan in the workspace. Several calls for different levels may run at once, in
// one workspace. Throws elm::Error.
std::vector<RecoveredLevel> RecoverLevels(RunContext& context, std::span<const uint32_t> only,
                                          ProcessGroup* group);

// The adapter of a level as it was trained, row-major matrices in the order of PlanAdapter().
struct TrainedAdapter {
  size_t level = 0;  // index into the level table
  uint32_t rank = 0;
  double scale = 0;
  std::vector<float> values;
};

// What the workspace holds for the levels of `plan`; levels that an adapter did not help have none.
std::vector<TrainedAdapter> TrainedAdapters(RunContext& context, const ElasticPlan& plan);

}  // namespace elm
