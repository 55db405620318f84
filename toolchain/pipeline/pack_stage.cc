// Pack: write the bundle.
#include <nlohmann/json.hpp>

#include "formats/workspace/plan_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pack/pack.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

nlohmann::json Inputs(RunContext& context) {
  return {{"weights", WeightTypeName(context.weights())}, {"output", context.options().output}};
}

std::vector<std::string> Outputs(RunContext& context) { return {context.options().output}; }

// What a reader may want to know about where the bundle comes from. Neither times nor paths: the
// same inputs give the same bytes wherever and whenever they are packed.
std::string Provenance(RunContext& context) {
  const nlohmann::json plan = ReadJsonFile(context.Path(kPlanReportFile));
  nlohmann::json levels = nlohmann::json::array();
  for (const nlohmann::json& level : plan["levels"]) {
    if (!level.contains("held_out_nll")) continue;
    levels.push_back({{"level", level["level"]}, {"held_out_nll", level["held_out_nll"]}});
  }
  const nlohmann::json provenance = {{"program", "elmc"},
                                     {"version", ELM_VERSION},
                                     {"form", context.checkpoint().form()},
                                     {"checkpoint_sha256", context.checkpoint_sha256()},
                                     {"seed", context.options().seed},
                                     {"unit_policy", plan["unit_policy"]},
                                     {"score_metric", plan["score_metric"]},
                                     {"levels", std::move(levels)}};
  return provenance.dump();
}

void Run(RunContext& context) {
  context.ReleaseModel();  // packing reads the checkpoint itself, one tensor at a time
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  PackOptions options;
  options.weights = context.weights();
  options.generation = context.generation();
  options.tokenizer_model = context.tokenizer_bytes();
  options.provenance_json = Provenance(context);
  Progress progress("pack", context.progress_style());
  PackBundle(context.checkpoint(), plan, options, context.options().output,
             [&](uint64_t written, uint64_t total) {
               ThrowIfCancelled();
               progress.Update(written, total);
             });
}

}  // namespace

const Stage kPackStage = {"pack", "write the bundle", Inputs, Outputs, Run};

}  // namespace elm
