#include "toolchain/tlm/tlm_options.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/workspace/sha256.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

Status CheckRange(const char* flag, uint64_t value, uint64_t lowest, uint64_t highest) {
  if (value >= lowest && value <= highest) return Status::Ok();
  return InvalidArgument(flag, " is ", value, ", expected ", lowest, " to ", highest);
}

nlohmann::json TrainingJson(const TlmTraining& training) {
  return {{"updates", training.updates},
          {"learning_rate", training.learning_rate},
          {"weight_decay", training.weight_decay},
          {"clip", training.clip}};
}

// Tasks by name and, of a file, by its bytes: an edited file is another one.
nlohmann::json TasksJson(const std::string& spec) {
  std::error_code ignored;
  if (IsPocketTasks(spec) || !std::filesystem::is_regular_file(spec, ignored)) return spec;
  return spec + " " + ValueOrThrow(Sha256OfFile(spec));
}

}  // namespace

bool IsPocketTasks(const std::string& spec) {
  return spec == "pocket" || spec.starts_with("pocket:");
}

TlmConfig TlmOptions::DefaultShape() {
  TlmConfig shape;
  shape.vocab = 2048;
  shape.positions = 512;
  shape.embedding = 48;
  shape.hidden = 48;
  shape.bottleneck = 48;
  shape.heads = 3;
  shape.intermediate = 64;
  shape.feed_forwards = 1;
  shape.layer_norm = true;
  shape.layers = 4;
  shape.shared_layers = 2;
  return shape;
}

Status Validate(const TlmOptions& options) {
  ELM_RETURN_IF_ERROR(CheckRange("--score-tasks", options.score_tasks, 1, 1U << 24));
  ELM_RETURN_IF_ERROR(CheckRange("--score-updates", options.score.training.updates, 1, 1U << 24));
  ELM_RETURN_IF_ERROR(CheckRange("--label-tasks", options.label_tasks, 1, 1U << 24));
  ELM_RETURN_IF_ERROR(CheckRange("--validation-tasks", options.validation_tasks, 1, 1U << 24));
  ELM_RETURN_IF_ERROR(
      CheckRange("--decide-updates", options.decision.training.updates, 1, 1U << 24));
  ELM_RETURN_IF_ERROR(CheckRange("--threads", options.threads, 0, 1024));
  if (options.keep_scores && options.from_nothing()) {
    return InvalidArgument("--keep-scores keeps the score-head of a tiny LM; name it with --tlm");
  }
  return Status::Ok();
}

nlohmann::json ScoreRecipe(const TlmOptions& options) {
  nlohmann::json recipe = {{"tasks", options.tasks},
                           {"tasks_and_contents", TasksJson(options.tasks)},
                           {"start", options.from_nothing() ? "nothing" : "a tiny LM"},
                           {"keep_scores", options.keep_scores},
                           {"seed", options.seed}};
  if (options.keep_scores) return recipe;
  recipe["labels"] = options.pairs.empty() ? "word saliency" : "compression pairs";
  recipe["score_tasks"] = options.score_tasks;
  recipe["small_share"] = options.small_share;
  recipe["gate"] = options.saliency.gate == WordGate::kVisibility ? "visibility" : "embedding";
  recipe["loss"] = options.saliency.loss == AnswerLoss::kChoice ? "choice" : "answer";
  recipe["path"] = options.saliency.path;
  recipe["masked"] = TrainingJson(options.masked.training);
  recipe["evidence_tasks"] = options.evidence_tasks;
  recipe["evidence"] = TrainingJson(options.evidence.training);
  recipe["score"] = TrainingJson(options.score.training);
  recipe["score_batch_tokens"] = options.score.batch_tokens;
  recipe["freeze_shared"] = options.score.freeze_shared;
  return recipe;
}

nlohmann::json LabelRecipe(const TlmOptions& options) {
  return {{"tasks", options.tasks},
          {"tasks_and_contents", TasksJson(options.tasks)},
          {"label_tasks", options.label_tasks},
          {"validation_tasks", options.validation_tasks},
          {"seed", options.seed}};
}

nlohmann::json DecisionRecipe(const TlmOptions& options) {
  return {{"decision", TrainingJson(options.decision.training)},
          {"batch", options.decision.batch},
          {"share_weight", options.decision.share_weight},
          {"from_score_branch", options.decision.from_score_branch},
          {"seed", options.seed}};
}

}  // namespace elm
