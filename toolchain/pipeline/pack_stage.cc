// Pack: round what is to be quantised, write the bundle.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/elm/bundle_plan.h"
#include "formats/workspace/plan_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pack/pack.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/recover_levels.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/pipeline/tlm_subject.h"
#include "toolchain/quantize/choose_rounding.h"
#include "toolchain/quantize/rounding_report.h"

namespace elm {
namespace {

nlohmann::json Inputs(RunContext& context) {
  nlohmann::json inputs = {{"quant", WeightTypeName(context.weights())},
                           {"vocab_quant", WeightTypeName(context.vocabulary())},
                           {"output", context.options().output}};
  if (IsQuantised(context.weights())) {
    const nlohmann::json all = ToJson(context.options());
    for (const char* name : {"group", "rounding", "batch"}) inputs[name] = all[name];
  }
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  std::vector<std::string> outputs = {context.options().output};
  if (IsQuantised(context.weights())) outputs.push_back(context.Path(kRoundingFile));
  return outputs;
}

// That each level's adapter was trained on; 0 without recovery.
uint64_t TrainedTokens(const nlohmann::json& recovered) {
  uint64_t tokens = 0;
  for (const nlohmann::json& trained : recovered["levels"]) {
    tokens = std::max(tokens, trained["tokens"].get<uint64_t>());
  }
  return tokens;
}

// What a reader may want to know about where the bundle comes from. Neither times nor paths: the
// same inputs give the same bytes wherever and whenever they are packed.
nlohmann::json Provenance(RunContext& context) {
  const nlohmann::json plan = ReadJsonFile(context.Path(kPlanReportFile));
  nlohmann::json levels = nlohmann::json::array();
  for (const nlohmann::json& level : plan["levels"]) {
    if (!level.contains("held_out_nll")) continue;
    levels.push_back({{"level", level["level"]}, {"held_out_nll", level["held_out_nll"]}});
  }
  const nlohmann::json recovered = ReadJsonFile(context.Path(kRecoverFile));
  for (nlohmann::json& level : levels) {
    for (const nlohmann::json& trained : recovered["levels"]) {
      if (trained["level"] != level["level"] || !trained.contains("held_out_nll")) continue;
      level["recovered_nll"] = trained["held_out_nll"];
    }
  }
  return {{"program", "elmc"},
          {"version", ELM_VERSION},
          {"form", context.checkpoint().form()},
          {"checkpoint_sha256", context.checkpoint_sha256()},
          {"seed", context.options().seed},
          {"unit_policy", plan["unit_policy"]},
          {"score_metric", plan["score_metric"]},
          {"recovery", recovered["recovery"]},
          {"recovery_tokens", TrainedTokens(recovered)},
          {"levels", std::move(levels)}};
}

// Rounds the matrices of the bundle that `options` describe.
ChosenRounding RoundMatrices(RunContext& context, const ElasticPlan& plan,
                             const PackOptions& options) {
  const BundlePlan bundle =
      ValueOrThrow(PlanBundle(DescribeBundle(context.checkpoint(), plan, options)));
  const TokenWindows calibration = context.calibration();
  const TokenWindows held_out = context.held_out();
  Progress progress("round", context.progress_style());
  return ChooseRounding(
      {.load_model =
           [&] { return context.LoadModel(torch::kCPU, torch::kFloat32).Reordered(plan.order); },
       .levels = plan.levels,
       .tensors = bundle.tensors,
       .calibration = calibration,
       .held_out = held_out,
       .batch = context.options().batch},
      context.options().rounding, [&](size_t done, size_t total) {
        ThrowIfCancelled();
        progress.Update(done, total);
      });
}

void Run(RunContext& context) {
  context.ReleaseModel();  // packing reads the checkpoint itself, one tensor at a time
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  PackOptions options;
  options.weights = context.weights();
  options.generation = context.generation();
  options.tokenizer_model = context.tokenizer_bytes();
  options.vocabulary = context.vocabulary();
  options.group = context.options().group;
  for (TrainedAdapter& adapter : TrainedAdapters(context, plan)) {
    options.adapters.push_back(
        {{static_cast<uint32_t>(adapter.level), adapter.rank, static_cast<float>(adapter.scale)},
         std::move(adapter.values)});
  }
  nlohmann::json provenance = Provenance(context);
  if (std::optional<TlmToPack> tlm = FinishedTlm(context)) {
    provenance["tlm"] = tlm->provenance;
    options.tlm = std::move(tlm);
  }
  ChosenRounding rounding;
  if (IsQuantised(options.weights)) {
    rounding = RoundMatrices(context, plan, options);
    options.quantiser = TakeFrom(rounding.tensors);
    provenance["rounding"] = RoundingName(rounding.rounding);
    WriteJsonFile(context.Path(kRoundingFile), RoundingJson(rounding, plan.levels));
    spdlog::info("pack: {}", RoundingText(rounding));
  }
  options.provenance_json = provenance.dump();
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
