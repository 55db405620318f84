// Plan: anchors, unit order and level table, from stored scores. Takes seconds, so other levels can
// be tried without profiling again.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/workspace/plan_file.h"
#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/pipeline/cancellation.h"
#include "toolchain/pipeline/choose_plan.h"
#include "toolchain/pipeline/recover_data.h"
#include "toolchain/pipeline/stage.h"

namespace elm {
namespace {

PlanOptions OptionsOf(const PrepareOptions& options) {
  PlanOptions plan;
  plan.levels = options.levels;
  plan.anchor_share = options.anchor_share;
  plan.anchors = options.anchors;
  plan.neuron_snap = options.neuron_snap;
  return plan;
}

nlohmann::json Inputs(RunContext& context) {
  const nlohmann::json all = ToJson(context.options());
  nlohmann::json inputs;
  for (const char* name : {"levels_permille", "anchor_share", "anchors", "policy", "metric",
                           "neuron_snap", "batch", "dtype", "device"}) {
    if (all.contains(name)) inputs[name] = all[name];
  }
  inputs["allocation"] = all["allocation"];
  // Plans are judged after a short recovery, however long the real one will be.
  nlohmann::json recover = all["recover"];
  recover.erase("tokens");
  recover.erase("validations");
  recover["data"] = ProbeDataKey(context);
  inputs["recover"] =
      context.options().recover.recovery == Recovery::kNone ? nlohmann::json("none") : recover;
  return inputs;
}

std::vector<std::string> Outputs(RunContext& context) {
  return {context.Path(kPlanFile), context.Path(kPlanReportFile)};
}

nlohmann::json LevelsJson(const ModelConfig& config, const PlanCandidate& chosen) {
  nlohmann::json levels = nlohmann::json::array();
  size_t row = 0;  // in the table, which lacks the merged levels
  for (const LevelReport& report : chosen.result.reports) {
    nlohmann::json level = {{"level", LevelName(report.name_permille)},
                            {"reached_share", report.reached_share},
                            {"met", report.met},
                            {"merged", report.merged}};
    if (!report.note.empty()) level["note"] = report.note;
    if (!report.merged) {
      const Level& table_row = chosen.result.plan.levels.levels[row];
      uint64_t weights = 0;
      for (const LayerSlice& slice : table_row.layers) {
        weights += SliceWeights(config, slice);
        level["layers"].push_back({slice.query_heads, slice.kv_heads, slice.neurons});
      }
      level["layer_weights"] = weights;
      level["held_out_nll"] = chosen.level_nll[row++];
    }
    levels.push_back(std::move(level));
  }
  return levels;
}

nlohmann::json ReportJson(const ModelConfig& config, const std::vector<PlanCandidate>& candidates,
                          size_t best) {
  const PlanCandidate& chosen = candidates[best];
  nlohmann::json report = {{"unit_policy", UnitPolicyName(chosen.policy)},
                           {"score_metric", ScoreMetricName(chosen.metric)},
                           {"allocation", AllocationName(chosen.allocation)},
                           {"anchors", chosen.result.plan.levels.anchors},
                           {"levels", LevelsJson(config, chosen)}};
  for (const PlanCandidate& candidate : candidates) {
    report["candidates"].push_back({{"unit_policy", UnitPolicyName(candidate.policy)},
                                    {"score_metric", ScoreMetricName(candidate.metric)},
                                    {"allocation", AllocationName(candidate.allocation)},
                                    {"mean_nll", candidate.mean_nll},
                                    {"level_nll", candidate.level_nll}});
    if (candidate.probe_loss) report["candidates"].back()["probe_loss"] = *candidate.probe_loss;
  }
  return report;
}

nlohmann::json BlockLossesJson(const std::vector<std::vector<BlockLoss>>& layers) {
  nlohmann::json json = nlohmann::json::array();
  for (const std::vector<BlockLoss>& layer : layers) {
    nlohmann::json& row = json.emplace_back(nlohmann::json::array());
    for (const BlockLoss& loss : layer) row.push_back({loss.kept, loss.increase});
  }
  return json;
}

std::vector<std::vector<BlockLoss>> ParseBlockLosses(const nlohmann::json& json) {
  std::vector<std::vector<BlockLoss>> layers;
  for (const nlohmann::json& row : json) {
    std::vector<BlockLoss>& layer = layers.emplace_back();
    for (const nlohmann::json& loss : row) layer.push_back({loss.at(0), loss.at(1)});
  }
  return layers;
}

// Finished candidates, one small file each: an interrupted run goes on with the next. The folder's
// name says what they depend on.
std::string PartsFolder(RunContext& context) {
  nlohmann::json key = Inputs(context);
  for (const char* file : {kUnitScoresFile, kLayerScoresFile, kCalibrationFile, kHeldOutFile}) {
    key[file] = ValueOrThrow(Sha256OfFile(context.Path(file)));
  }
  return context.Path("plan_parts_" + Sha256OfString(key.dump()).substr(0, 16));
}

MeasurementStore StoreIn(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const auto path = [folder](const std::string& name) { return folder + "/" + name + ".json"; };
  MeasurementStore store;
  store.find = [path](const std::string& name) -> std::optional<CandidateMeasurement> {
    if (!std::filesystem::exists(path(name))) return std::nullopt;
    try {
      const nlohmann::json json = ReadJsonFile(path(name));
      CandidateMeasurement found;
      found.level_nll = json.at("level_nll").get<std::vector<double>>();
      if (json.contains("probe_loss")) found.probe_loss = json.at("probe_loss").get<double>();
      found.block_losses = {ParseBlockLosses(json.at("heads")),
                            ParseBlockLosses(json.at("neurons"))};
      return found;
    } catch (const std::exception&) {
      return std::nullopt;  // damaged: measured again
    }
  };
  store.keep = [path](const std::string& name, const CandidateMeasurement& found) {
    nlohmann::json json = {{"level_nll", found.level_nll},
                           {"heads", BlockLossesJson(found.block_losses.heads)},
                           {"neurons", BlockLossesJson(found.block_losses.neurons)}};
    if (found.probe_loss) json["probe_loss"] = *found.probe_loss;
    WriteJsonFile(path(name), json);
  };
  return store;
}

void Run(RunContext& context) {
  const PrepareOptions& options = context.options();
  const UnitScores units = ValueOrThrow(LoadUnitScores(context.Path(kUnitScoresFile)));
  const LayerScores layers = ValueOrThrow(LoadLayerScores(context.Path(kLayerScoresFile)));
  std::vector<UnitPolicy> policies = {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead};
  if (options.policy) policies = {*options.policy};
  // Without grouping a KV group is a query head, and the two policies are one.
  const ModelConfig& config = context.checkpoint().config();
  if (config.kv_heads == config.query_heads) policies.resize(1);
  std::vector<ScoreMetric> metrics = MeasuredMetrics(units);
  if (options.metric) metrics = {*options.metric};

  std::vector<Allocation> allocations = {Allocation::kUniform, Allocation::kMeasured,
                                         Allocation::kCore};
  if (options.allocation) allocations = {*options.allocation};
  // Anchors that somebody names are for the uniform allocation.
  else if (options.anchors)
    allocations.resize(1);

  const TokenWindows calibration = context.calibration();
  const TokenWindows held_out = context.held_out();
  const RecoveryData probe = MakeProbeData(context);
  const std::string parts = PartsFolder(context);
  Progress progress("plan", context.progress_style());
  const std::vector<PlanCandidate> candidates =
      MeasureCandidates({.model = context.model(),
                         .units = units,
                         .layers = layers,
                         .calibration = calibration,
                         .held_out = held_out,
                         .batch = options.batch,
                         .options = OptionsOf(options),
                         .policies = policies,
                         .metrics = metrics,
                         .allocations = allocations,
                         .recover = RecoverOptionsOf(options),
                         .probe_examples = *probe.examples,
                         .probe_held_out = probe.validation,
                         .store = StoreIn(parts)},
                        [&](size_t done, size_t total) {
                          ThrowIfCancelled();
                          progress.Update(done, total);
                        });
  const size_t best = BestCandidate(candidates);
  ThrowIfError(SavePlan(context.Path(kPlanFile), candidates[best].result.plan));
  const nlohmann::json report = ReportJson(config, candidates, best);
  WriteJsonFile(context.Path(kPlanReportFile), report);
  std::error_code ignored;
  std::filesystem::remove_all(parts, ignored);
}

}  // namespace

const Stage kPlanStage = {"plan", "choose anchors, unit order and level table by measured loss",
                          Inputs, Outputs, Run};

}  // namespace elm
