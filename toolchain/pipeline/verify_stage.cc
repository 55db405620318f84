// Verify: the finished bundle, read back by the runtime, against LibTorch at every level.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/elm/bundle.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pack/compare_runtime.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

constexpr double kTolerance = 1e-3;  // largest accepted |difference| of any logit
constexpr size_t kMostWindows = 2;

nlohmann::json Inputs(RunContext&) { return nlohmann::json::object(); }

std::vector<std::string> Outputs(RunContext& context) { return {context.Path(kVerifyFile)}; }

TokenWindows FirstWindows(TokenWindows windows, size_t count) {
  windows.ids.resize(std::min(count, windows.count()) * windows.length);
  return windows;
}

void Run(RunContext& context) {
  const std::string& path = context.options().output;
  const auto bundle = ValueOrThrow(Bundle::Open(path));
  ThrowIfError(bundle->VerifyWeights());

  // The runtime computes in float32, so the reference does too, whatever the plan was made in.
  context.ReleaseModel();
  Llama original = context.LoadModel(torch::kFloat32);
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  Progress progress("verify", context.progress_style());
  const std::vector<LevelAgreement> agreements = CompareWithRuntime(
      original, plan, context.weights(), path, FirstWindows(context.held_out(), kMostWindows),
      [&](size_t done, size_t total) {
        ThrowIfCancelled();
        progress.Update(done, total);
      });
  nlohmann::json report = {{"tolerance", kTolerance}};
  for (const LevelAgreement& agreement : agreements) {
    if (!(agreement.max_logit_difference <= kTolerance)) {
      throw Error(FailedCheck(path, ": at level ", LevelName(agreement.name_permille),
                              " a logit differs from LibTorch's by ",
                              agreement.max_logit_difference, ", expected at most ", kTolerance));
    }
    report["levels"].push_back({{"level", LevelName(agreement.name_permille)},
                                {"max_logit_difference", agreement.max_logit_difference},
                                {"runtime_nll", agreement.runtime_nll},
                                {"torch_nll", agreement.torch_nll}});
  }
  WriteJsonFile(context.Path(kVerifyFile), report);
}

}  // namespace

const Stage kVerifyStage = {"verify", "hold the bundle in the runtime against LibTorch", Inputs,
                            Outputs, Run};

}  // namespace elm
