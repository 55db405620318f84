#include "toolchain/cli/tlm_flags.h"

#include "toolchain/base/error.h"

namespace elm {
namespace {

template <typename Given, typename Option>
void Apply(const std::optional<Given>& given, Option& option) {
  if (given) option = *given;
}

template <typename T>
T Choice(const char* flag, const std::string& text, const char* first, T first_value,
         const char* second, T second_value) {
  if (text == first) return first_value;
  if (text == second) return second_value;
  throw Error(InvalidArgument(flag, " is \"", text, "\", expected ", first, " or ", second));
}

}  // namespace

void TlmFlags::ApplyTo(PrepareOptions& options) const {
  TlmOptions& tlm = options.tlm;
  Apply(tasks, tlm.tasks);
  Apply(start, tlm.start);
  Apply(pairs, tlm.pairs);
  Apply(latency, tlm.latency);
  Apply(score_tasks, tlm.score_tasks);
  Apply(score_updates, tlm.score.training.updates);
  Apply(pretrain_updates, tlm.masked.training.updates);
  Apply(evidence_tasks, tlm.evidence_tasks);
  Apply(evidence_updates, tlm.evidence.training.updates);
  Apply(evidence_rate, tlm.evidence.training.learning_rate);
  Apply(score_rate, tlm.score.training.learning_rate);
  Apply(score_batch, tlm.score.batch_tokens);
  Apply(score_batch, tlm.evidence.batch_tokens);
  Apply(score_batch, tlm.masked.batch_tokens);
  if (gate) {
    tlm.saliency.gate = Choice("--saliency-gate", *gate, "visibility", WordGate::kVisibility,
                               "embedding", WordGate::kEmbedding);
  }
  if (loss) {
    tlm.saliency.loss = Choice("--saliency-loss", *loss, "choice", AnswerLoss::kChoice, "answer",
                               AnswerLoss::kAnswer);
  }
  if (!path.empty()) tlm.saliency.path = path;
  Apply(decide_rate, tlm.decision.training.learning_rate);
  Apply(label_tasks, tlm.label_tasks);
  Apply(validation_tasks, tlm.validation_tasks);
  Apply(decide_updates, tlm.decision.training.updates);
  if (keep_scores) tlm.keep_scores = true;
  if (threads > 0) options.threads = threads;
}

void AddTlmFlags(CLI::App& command, TlmFlags& flags) {
  const std::string group = "Tiny LM";
  const auto add = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->group(group);
  };
  add("--tasks", flags.tasks,
      "what the tiny LM is to serve: pocket, pocket:app,fact, FILE.jsonl or NAME:FILE; the "
      "built-in model's default is pocket, others have none and get no tiny LM");
  add("--tlm", flags.start,
      "tiny LM to begin with: a folder of `elmc tlm score`, or a Hugging Face MobileBERT; without "
      "it one is trained from nothing (of the pocket tasks: the built-in one is taken, unless "
      "this is none)");
  add("--pairs", flags.pairs,
      "labelled compression pairs (JSON Lines: origin, compressed) to learn scores from");
  add("--reference-latency", flags.latency,
      "latency table that decisions are learnt by; default: the built-in one of a 1.1 B model");
  add("--evidence-tasks", flags.evidence_tasks,
      "tasks of each family whose right answers say where to look, for one trained from nothing");
  add("--evidence-updates", flags.evidence_updates, "updates by these");
  add("--evidence-rate", flags.evidence_rate, "highest learning rate of these");
  add("--saliency-gate", flags.gate,
      "what a word loses: visibility to attention, or its embedding");
  add("--saliency-loss", flags.loss,
      "of the choice among options, or of the right answer's own tokens");
  command
      .add_option("--saliency-path", flags.path,
                  "gate values at which derivatives are taken; several are averaged")
      ->delimiter(',')
      ->group(group);
  add("--score-rate", flags.score_rate, "highest learning rate of the score-head");
  add("--score-batch", flags.score_batch, "pieces of a batch, padding included");
  add("--decide-rate", flags.decide_rate, "highest learning rate of the decision-heads");
  add("--score-tasks", flags.score_tasks, "tasks of each family to learn scores from");
  add("--score-updates", flags.score_updates, "updates of the score-head");
  add("--pretrain-updates", flags.pretrain_updates, "updates of masked-token pretraining");
  add("--label-tasks", flags.label_tasks, "questions of each family to learn decisions from");
  add("--validation-tasks", flags.validation_tasks,
      "questions of each family that decisions are measured on");
  add("--decide-updates", flags.decide_updates, "updates of the decision-heads");
  command.add_flag("--keep-scores", flags.keep_scores, "take the score-head of --tlm as it is")
      ->group(group);
}

}  // namespace elm
