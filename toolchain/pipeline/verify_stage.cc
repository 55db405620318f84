// Verify: the finished bundle, read back by the runtime, against LibTorch at every level.
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/elm/bundle.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pack/check_weights.h"
#include "toolchain/pack/compare_runtime.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/tlm/compare_tiny_lm.h"
#include "toolchain/tlm/tlm_tasks.h"

namespace elm {
namespace {

constexpr size_t kMostWindows = 2;

nlohmann::json Inputs(RunContext&) { return nlohmann::json::object(); }

std::vector<std::string> Outputs(RunContext& context) { return {context.Path(kVerifyFile)}; }

TokenWindows FirstWindows(TokenWindows windows, size_t count) {
  windows.ids.resize(std::min(count, windows.count()) * windows.length);
  return windows;
}

// The bundle's weights are the checkpoint's, as far as their types hold them.
nlohmann::json CheckStored(RunContext& context, const ElasticPlan& plan, const Bundle& bundle) {
  nlohmann::json stored = nlohmann::json::array();
  for (const StoredError& error : CheckWeights(context.checkpoint(), plan, bundle,
                                               [](size_t, size_t) { ThrowIfCancelled(); })) {
    stored.push_back({{"type", WeightTypeName(error.type)},
                      {"relative_error", error.relative},
                      {"worst_matrix", error.worst_relative}});
  }
  return stored;
}

// The runtime computes what LibTorch computes from the same bundle. Written so that a NaN is
// refused.
void Require(const std::string& path, const LevelAgreement& level, const Tolerance& tolerance) {
  const std::string name = LevelName(level.name_permille);
  if (!(level.max_logit_difference <= tolerance.logit)) {
    throw Error(FailedCheck(path, ": at level ", name, " a logit differs from LibTorch's by ",
                            level.max_logit_difference, ", expected at most ", tolerance.logit));
  }
  if (!(std::abs(level.runtime_nll - level.torch_nll) <= tolerance.nll)) {
    throw Error(FailedCheck(path, ": at level ", name, " the runtime loses ", level.runtime_nll,
                            " nats, LibTorch ", level.torch_nll, ", expected within ",
                            tolerance.nll));
  }
}

// The tiny LM in the runtime, against LibTorch on the same weights.
nlohmann::json CheckTinyLm(RunContext& context, const std::shared_ptr<const Bundle>& bundle) {
  constexpr uint32_t kTasks = 3;  // of each family
  const TlmOptions& options = context.options().tlm;
  const std::vector<Task> tasks =
      TlmTasks(options.tasks, "validation", kTasks, context.options().seed);
  const TinyLmAgreement found = CompareTinyLm(bundle, tasks);
  for (const auto& [what, difference] :
       {std::pair("a word's score", found.retain), std::pair("a decision", found.decision)}) {
    if (difference <= kTinyLmTolerance) continue;
    throw Error(FailedCheck(bundle->path(), ": ", what, " of the tiny LM differs from LibTorch's ",
                            "by ", difference, ", expected at most ", kTinyLmTolerance));
  }
  return {{"questions", found.questions},
          {"score_difference", found.retain},
          {"decision_difference", found.decision}};
}

void Run(RunContext& context) {
  const std::string& path = context.options().output;
  const std::shared_ptr<const Bundle> bundle = ValueOrThrow(Bundle::Open(path));
  ThrowIfError(bundle->VerifyWeights());

  context.ReleaseModel();
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  nlohmann::json report;
  report["stored"] = CheckStored(context, plan, *bundle);
  const Tolerance tolerance = RuntimeTolerance(context.weights());
  report["tolerance"] = {{"logit", tolerance.logit}, {"nll", tolerance.nll}};
  Progress progress("verify", context.progress_style());
  for (const LevelAgreement& level : CompareWithRuntime(
           path, FirstWindows(context.held_out(), kMostWindows), [&](size_t done, size_t total) {
             ThrowIfCancelled();
             progress.Update(done, total);
           })) {
    Require(path, level, tolerance);
    report["levels"].push_back({{"level", LevelName(level.name_permille)},
                                {"max_logit_difference", level.max_logit_difference},
                                {"runtime_nll", level.runtime_nll},
                                {"torch_nll", level.torch_nll}});
  }
  if (bundle->view().tlm) report["tlm"] = CheckTinyLm(context, bundle);
  WriteJsonFile(context.Path(kVerifyFile), report);
}

}  // namespace

const Stage kVerifyStage = {"verify", "hold the bundle in the runtime against LibTorch", Inputs,
                            Outputs, Run};

}  // namespace elm
