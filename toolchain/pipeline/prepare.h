// `elmc prepare`: runs the stages that need running, and remembers which do not.
//
// A stage runs when its key (a hash of everything its output depends on) has changed, when its
// outputs are missing or damaged, or when the user forces it. So the same command after a crash
// goes on where it stopped, and another level list plans again without profiling again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "toolchain/pipeline/prepare_options.h"
#include "toolchain/pipeline/progress.h"

namespace elm {

// Before any work: threads of LibTorch and of the BLAS under it, and the same bits every time.
void PrepareTorch(uint32_t threads);

struct StageOutcome {
  std::string name;
  bool ran = false;
  std::string reason;  // why it ran or need not: "is done", "was interrupted", "plan.h5 is missing"
  double seconds = 0;
  std::optional<double> budget_seconds;  // what it may take, where the options say so
};

struct PrepareReport {
  std::string workspace;
  std::string output;
  std::vector<StageOutcome> stages;
  bool finished = false;  // all stages are done, so the bundle is there and verified
};

// Throws elm::Error: kCancelled after Ctrl-C, kNoSpace before any work when the bundle would not
// fit.
PrepareReport Prepare(const PrepareOptions& options, Progress::Style style);

// What Prepare() would do, and what it would take.
struct DryRun {
  std::string workspace;
  std::vector<StageOutcome> stages;  // `ran`: would run; `seconds`: an estimate
  uint64_t memory_bytes = 0;         // at the peak, without the mapped checkpoint
  uint64_t bundle_bytes = 0;
  uint64_t workspace_bytes = 0;
  uint64_t free_bytes = 0;  // on the output's disk
};
DryRun PlanRun(const PrepareOptions& options);

}  // namespace elm
