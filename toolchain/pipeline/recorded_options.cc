#include "toolchain/pipeline/recorded_options.h"

#include <nlohmann/json.hpp>

#include "formats/workspace/manifest.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using nlohmann::json;

// A choice that "auto" leaves open.
template <typename T>
std::optional<T> Chosen(const json& value, std::optional<T> (*parse)(std::string_view)) {
  return value == "auto" ? std::nullopt : parse(value.get<std::string>());
}

RecoverOptions RecoverFrom(const json& json) {
  RecoverOptions recover;
  recover.recovery = ParseRecovery(json.at("recovery").get<std::string>()).value();
  recover.rank = json.at("rank");
  recover.alpha = json.at("alpha");
  recover.tokens = json.at("tokens");
  recover.batch_tokens = json.at("batch_tokens");
  recover.accumulate = json.at("accumulate");
  recover.learning_rate = json.at("learning_rate");
  recover.clip = json.at("clip");
  recover.dropout = json.value("dropout", 0.0);
  recover.context_weight = json.at("context_weight");
  recover.validations = json.at("validations");
  recover.dtype = json.at("dtype");
  return recover;
}

void ReadTraining(const json& json, TlmTraining& training) {
  training.updates = json.at("updates");
  training.learning_rate = json.at("learning_rate");
  training.weight_decay = json.at("weight_decay");
  training.clip = json.at("clip");
}

void ReadTlm(const json& json, PrepareOptions& options) {
  TlmOptions& tlm = options.tlm;
  options.no_tlm = !json.at("wanted").get<bool>();
  tlm.tasks = json.at("score").at("tasks");
  tlm.keep_scores = json.at("score").at("keep_scores");
  tlm.label_tasks = json.at("label").at("label_tasks");
  tlm.validation_tasks = json.at("label").at("validation_tasks");
  ReadTraining(json.at("decide").at("decision"), tlm.decision.training);
  tlm.decision.batch = json.at("decide").at("batch");
  tlm.decision.share_weight = json.at("decide").at("share_weight");
  if (tlm.keep_scores) return;
  const auto& score = json.at("score");
  tlm.score_tasks = score.at("score_tasks");
  tlm.small_share = score.at("small_share");
  tlm.saliency.gate =
      score.at("gate") == "visibility" ? WordGate::kVisibility : WordGate::kEmbedding;
  tlm.saliency.loss = score.at("loss") == "choice" ? AnswerLoss::kChoice : AnswerLoss::kAnswer;
  tlm.saliency.path = score.at("path").get<std::vector<double>>();
  ReadTraining(score.at("masked"), tlm.masked.training);
  tlm.evidence_tasks = score.at("evidence_tasks");
  ReadTraining(score.at("evidence"), tlm.evidence.training);
  ReadTraining(score.at("score"), tlm.score.training);
  for (uint32_t* tokens :
       {&tlm.score.batch_tokens, &tlm.evidence.batch_tokens, &tlm.masked.batch_tokens}) {
    *tokens = score.at("score_batch_tokens");
  }
  tlm.score.freeze_shared = score.at("freeze_shared");
}

PrepareOptions From(const json& config) {
  PrepareOptions options;
  options.window_tokens = config.at("window_tokens");
  options.calibration_windows = config.at("calibration_windows");
  options.held_out_windows = config.at("held_out_windows");
  options.batch = config.at("batch");
  options.exact_heads = config.at("exact_heads");
  options.weight_gradient = config.at("weight_gradient");
  options.levels = config.at("levels_permille").get<std::vector<uint32_t>>();
  options.anchor_share = config.at("anchor_share");
  if (config.contains("anchors")) options.anchors = config["anchors"].get<std::vector<uint32_t>>();
  options.policy = Chosen(config.at("policy"), ParseUnitPolicy);
  options.metric = Chosen(config.at("metric"), ParseScoreMetric);
  if (config.at("neuron_snap") != "auto") options.neuron_snap = config["neuron_snap"];
  options.allocation = Chosen(config.at("allocation"), ParseAllocation);
  options.recover = RecoverFrom(config.at("recover"));
  options.quant = Chosen(config.at("quant"), ParseWeightType);
  options.vocab_quant = Chosen(config.at("vocab_quant"), ParseWeightType);
  options.group = config.at("group");
  options.rounding = Chosen(config.at("rounding"), ParseRounding);
  options.device = config.at("device");
  options.dtype = config.at("dtype");
  options.threads = config.at("threads");
  options.seed = config.at("seed");
  const json& paths = config.at("paths");
  options.checkpoint = paths.at("checkpoint");
  options.data = paths.at("data");
  options.recover_data = paths.at("recover_data");
  options.tokenizer = paths.at("tokenizer");
  options.scores = paths.at("scores");
  options.output = paths.at("output");
  if (config.contains("tlm")) {  // a workspace may be older than the tiny LM
    options.tlm.start = paths.at("tlm_start");
    options.tlm.pairs = paths.at("tlm_pairs");
    options.tlm.latency = paths.at("tlm_latency");
    ReadTlm(config.at("tlm"), options);
  }
  return options;
}

}  // namespace

json PathsJson(const PrepareOptions& options) {
  return {{"checkpoint", options.checkpoint},
          {"data", options.data},
          {"recover_data", options.recover_data},
          {"tokenizer", options.tokenizer},
          {"scores", options.scores},
          {"tlm_start", options.tlm.start},
          {"tlm_pairs", options.tlm.pairs},
          {"tlm_latency", options.tlm.latency},
          {"output", options.output}};
}

PrepareOptions RecordedOptions(const std::string& workspace) {
  const std::string path = workspace + "/manifest.json";
  const Manifest manifest = ValueOrThrow(LoadManifest(path));
  try {
    PrepareOptions options = From(json::parse(manifest.config));
    options.workspace = workspace;
    return options;
  } catch (const std::exception&) {
    throw Error(Unsupported(path, ": was written by another version of elmc (",
                            manifest.versions.contains("elmc") ? manifest.versions.at("elmc") : "?",
                            ", this one is ", ELM_VERSION, "); run `elmc prepare` once more"));
  }
}

}  // namespace elm
