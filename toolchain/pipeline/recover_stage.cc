// Recover: one adapter per level that wins back what pruning lost.
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/workspace/plan_file.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/pipeline/recover_data.h"
#include "toolchain/pipeline/recover_levels.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

bool Wanted(RunContext& context) { return context.options().recover.recovery != Recovery::kNone; }

nlohmann::json Inputs(RunContext& context) {
  if (!Wanted(context)) return {{"recovery", RecoveryName(Recovery::kNone)}};
  nlohmann::json inputs = Recipe(RecoverOptionsOf(context.options()));
  inputs["data"] = RecoveryDataKey(context);
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  std::vector<std::string> outputs = {context.Path(kRecoverFile)};
  if (!Wanted(context)) return outputs;
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  for (size_t i = 0; i + 1 < plan.levels.levels.size(); ++i) {
    outputs.push_back(AdapterPath(context.Path(kAdaptersFolder), plan.levels.levels[i]));
  }
  return outputs;
}

nlohmann::json RecordJson(const RecoveredLevel& level) {
  const AdapterRecord& record = level.record;
  return {{"level", LevelName(level.name_permille)},
          {"updates", record.updates},
          {"tokens", record.tokens},
          {"best_update", record.best_update},
          {"objective_before", record.loss_before},
          {"objective_after", record.loss_after},
          {"curve", record.curve}};
}

// The mean next-token loss of the held-out windows with each level's adapter, as the plan's report
// has it without.
double HeldOutLoss(const Llama& model, const TokenWindows& windows, size_t batch,
                   const Level& level, const LoraAdapter& adapter) {
  return MeasureLoss(model, windows, {.level = &level, .adapter = &adapter}, batch).mean;
}

void Run(RunContext& context) {
  nlohmann::json report = {{"recovery", RecoveryName(context.options().recover.recovery)},
                           {"levels", nlohmann::json::array()}};
  if (!Wanted(context)) return WriteJsonFile(context.Path(kRecoverFile), report);
  const std::vector<RecoveredLevel> levels = RecoverLevels(context, {}, nullptr);
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  const Llama reordered = context.model().Reordered(plan.order);
  const TokenWindows held_out = context.held_out();
  for (const RecoveredLevel& level : levels) report["levels"].push_back(RecordJson(level));
  const ModelConfig& config = context.checkpoint().config();
  const RecoverOptions& options = context.options().recover;
  for (TrainedAdapter& trained : TrainedAdapters(context, plan)) {
    const Level& level = plan.levels.levels[trained.level];
    const AdapterParameters parameters(config, level, options.rank, options.alpha);
    const LoraAdapter adapter =
        parameters.View(torch::from_blob(trained.values.data(), {parameters.count()}))
            .To(reordered.device(), reordered.dtype());
    report["levels"][trained.level]["held_out_nll"] =
        HeldOutLoss(reordered, held_out, context.options().batch, level, adapter);
  }
  WriteJsonFile(context.Path(kRecoverFile), report);
}

}  // namespace

const Stage kRecoverStage = {"recover", "train an adapter for every level", Inputs, Outputs, Run};

}  // namespace elm
