#include "toolchain/pipeline/recover_levels.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/recover_data.h"
#include "toolchain/pipeline/workspace_files.h"
#include "toolchain/recover/recover.h"

namespace elm {
namespace {

// One hash of the checkpoint's weights in the plan's order.
std::string ModelBase(RunContext& context, const ElasticPlan& plan) {
  std::string text = context.checkpoint_sha256();
  for (const LayerOrder& layer : plan.order.layers) {
    for (const std::vector<uint32_t>* units :
         {&layer.query_heads, &layer.kv_heads, &layer.neurons}) {
      text += '/';
      for (const uint32_t unit : *units) text = StrCat(text, " ", unit);
    }
  }
  return Sha256OfString(text);
}

std::vector<size_t> ChooseLevels(const LevelTable& table, std::span<const uint32_t> only) {
  std::vector<size_t> chosen;
  for (size_t i = 0; i + 1 < table.levels.size(); ++i) {
    const uint32_t name = table.levels[i].name_permille;
    if (only.empty() || std::find(only.begin(), only.end(), name) != only.end()) {
      chosen.push_back(i);
    }
  }
  for (const uint32_t name : only) {
    ValueOrThrow(FindLevel(table, LevelName(name)));
    if (name != table.full().name_permille) continue;
    throw Error(InvalidArgument("level 1.0 is the model itself and has no adapter; choose others"));
  }
  return chosen;
}

}  // namespace

std::vector<RecoveredLevel> RecoverLevels(RunContext& context, std::span<const uint32_t> only,
                                          ProcessGroup* group) {
  const ElasticPlan plan =
      ValueOrThrow(LoadPlan(context.Path(kPlanFile), context.checkpoint().config()));
  const std::vector<size_t> chosen = ChooseLevels(plan.levels, only);
  if (chosen.empty()) return {};
  const RecoveryData data = MakeRecoveryData(context);
  spdlog::info("recover: {} levels on {}", chosen.size(), data.description);
  const uint64_t wanted = context.options().recover.tokens;
  if (data.tokens > 0 && wanted > 2 * data.tokens) {
    spdlog::warn(
        "recover: {} tokens are {:.1f} times what the data holds; more data (or "
        "--recover-data generated) serves better than repeating it",
        wanted, static_cast<double>(wanted) / static_cast<double>(data.tokens));
  }
  const Llama reordered = context.model().Reordered(plan.order);
  context.ReleaseModel();
  Progress progress("recover", context.progress_style());
  RecoverHooks hooks;
  hooks.report = [&](const RecoverProgress& done) {
    progress.Update(
        done.tokens, done.total_tokens,
        fmt::format("loss {:.3f}, {:.1f} k tokens/s", done.loss, done.tokens_per_second / 1000));
  };
  hooks.say = [](const std::string& text) { spdlog::info("recover: {}", text); };
  hooks.throw_if_cancelled = [] { ThrowIfCancelled(); };
  const std::vector<AdapterRecord> records =
      Recover({.model = reordered,
               .levels = plan.levels,
               .chosen = chosen,
               .examples = *data.examples,
               .validation = data.validation,
               .model_base = ModelBase(context, plan),
               .data_hash = Sha256OfString(RecoveryDataKey(context).dump()),
               .folder = context.Path(kAdaptersFolder),
               .group = group},
              RecoverOptionsOf(context.options()), hooks);
  std::vector<RecoveredLevel> recovered;
  for (size_t i = 0; i < chosen.size(); ++i) {
    recovered.push_back({plan.levels.levels[chosen[i]].name_permille, records[i]});
  }
  return recovered;
}

std::vector<TrainedAdapter> TrainedAdapters(RunContext& context, const ElasticPlan& plan) {
  std::vector<TrainedAdapter> adapters;
  if (context.options().recover.recovery == Recovery::kNone) return adapters;
  const std::string folder = context.Path(kAdaptersFolder);
  const std::string base = ModelBase(context, plan);
  const RecoverOptions& options = context.options().recover;
  for (size_t i = 0; i + 1 < plan.levels.levels.size(); ++i) {
    const Level& level = plan.levels.levels[i];
    if (ReadAdapterRecord(folder, level).best_update == 0) continue;
    const AdapterParameters parameters(context.checkpoint().config(), level, options.rank,
                                       options.alpha);
    const torch::Tensor flat = LoadAdapter(folder, level, parameters, LevelBase(base, level));
    adapters.push_back({i,
                        options.rank,
                        parameters.scale(),
                        {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()}});
  }
  return adapters;
}

}  // namespace elm
