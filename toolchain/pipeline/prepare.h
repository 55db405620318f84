// `elmc prepare`: runs the stages that need running, and remembers which do not.
//
// A stage runs when its key (a hash of everything its output depends on) has changed, when its
// outputs are missing or damaged, or when the user forces it. So the same command after a crash
// goes on where it stopped, and another level list plans again without profiling again.
#pragma once

#include <string>
#include <vector>

#include "toolchain/pipeline/dry_run.h"
#include "toolchain/pipeline/prepare_options.h"
#include "toolchain/pipeline/progress.h"
#include "toolchain/pipeline/stage_outcome.h"

namespace elm {

// Before any work: threads of LibTorch and of the BLAS under it, and the same bits every time.
void PrepareTorch(uint32_t threads);

// What the tiny LM of an option set needs no flags for: the built-in one for the built-in world's
// tasks, the built-in reference latency.
void FillInTlm(PrepareOptions& options);

struct PrepareReport {
  std::string workspace;
  std::string output;
  std::vector<StageOutcome> stages;
  bool finished = false;  // all stages are done, so the bundle is there and verified
};

// Throws elm::Error: kCancelled after Ctrl-C, kNoSpace before any work when the bundle would not
// fit.
PrepareReport Prepare(const PrepareOptions& options, Progress::Style style);

// What Prepare() would do, and what it would take. Of a shape without weights (run_shape.h) all
// stages would run.
DryRun PlanRun(const PrepareOptions& options);

}  // namespace elm
