// Reorder: prove, before anything is packed, that the reordered full model is the original model.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/workspace/plan_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

// Largest accepted |difference| of any logit. Reordering changes only the order of sums; bfloat16
// rounds each sum to 8 bits of mantissa, so there the bound only catches a wrong permutation.
constexpr double kFloat32Tolerance = 1e-3;
constexpr double kBfloat16Tolerance = 1.0;
constexpr size_t kMostWindows = 4;

nlohmann::json Inputs(RunContext&) { return nlohmann::json::object(); }

std::vector<std::string> Outputs(RunContext& context) { return {context.Path(kReorderFile)}; }

void Run(RunContext& context) {
  const torch::NoGradGuard no_grad;
  const Llama& original = context.model();
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  const Llama reordered = original.Reordered(plan.order);
  const TokenWindows windows = context.held_out();

  double difference = 0;
  Progress progress("reorder", context.progress_style());
  const size_t count = std::min(kMostWindows, windows.count());
  for (size_t i = 0; i < count; ++i) {
    ThrowIfCancelled();
    const torch::Tensor ids = WindowBatch(windows, i, i + 1, original.device());
    const torch::Tensor delta = original.Logits(ids) - reordered.Logits(ids);
    const double largest = delta.abs().max().item<double>();
    // NaN must not pass for agreement.
    if (!(largest <= difference)) difference = largest;
    progress.Update(i + 1, count);
  }
  const double tolerance =
      original.dtype() == torch::kFloat32 ? kFloat32Tolerance : kBfloat16Tolerance;
  if (!(difference <= tolerance)) {
    throw Error(Internal("reordered model differs from the original by ", difference,
                         " in a logit, expected at most ", tolerance));
  }
  const nlohmann::json report = {{"max_logit_difference", difference}, {"tolerance", tolerance}};
  WriteJsonFile(context.Path(kReorderFile), report);
}

}  // namespace

const Stage kReorderStage = {"reorder", "check that the reordered model is the same model", Inputs,
                             Outputs, Run};

}  // namespace elm
