// What a user can choose about the tiny LM of a bundle.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "formats/model/tlm_settings.h"
#include "toolchain/tlm/decision_head.h"
#include "toolchain/tlm/masked_tokens.h"
#include "toolchain/tlm/score_head.h"
#include "toolchain/tlm/word_saliency.h"

namespace elm {

// Says that there is to be no tiny LM to begin with, even where one comes along.
inline constexpr char kNoTlm[] = "none";

struct TlmOptions {
  std::string tasks;  // what it learns to serve, as LoadTasks() names it; empty: no tiny LM
  // A tiny LM to begin with: a directory of ours, or a Hugging Face MobileBERT; empty or kNoTlm:
  // one of `shape` is trained from nothing.
  std::string start;
  std::string pairs;         // labelled compression pairs instead of the LLM's saliency
  bool keep_scores = false;  // take the score-head of `start` as it is

  TlmConfig shape = DefaultShape();  // of one trained from nothing; vocab is the most pieces
  uint32_t score_tasks = 2000;       // of each family
  double small_share = 0.5;          // of the built-in world's tasks to learn scores from: smaller
  SaliencyOptions saliency = {.path = {0.5}};
  MaskedTokenOptions masked = {.training = {.updates = 0}};
  uint32_t evidence_tasks = 5000;  // of each family, see EvidenceTargets()
  ScoreTrainingOptions evidence = {.training = {.updates = 8000}};
  ScoreTrainingOptions score = {.training = {.updates = 3000, .learning_rate = 1e-3}};

  uint32_t label_tasks = 40;       // of each family, to learn decisions from
  uint32_t validation_tasks = 20;  // of each family
  std::string latency;             // reference latency table (JSON)
  DecisionTrainingOptions decision;

  uint64_t seed = 1;
  uint32_t threads = 0;  // 0: all cores

  static TlmConfig DefaultShape();
  bool from_nothing() const { return start.empty() || start == kNoTlm; }
};

// Whether `spec`, as LoadTasks() takes it, names the built-in world rather than a file.
bool IsPocketTasks(const std::string& spec);

// Checks ranges; the message names the flag.
Status Validate(const TlmOptions& options);

// Everything of the options that decides the score-head, the labels or the decisions, the contents
// of a task file included, but not what other files hold.
nlohmann::json ScoreRecipe(const TlmOptions& options);
nlohmann::json LabelRecipe(const TlmOptions& options);
nlohmann::json DecisionRecipe(const TlmOptions& options);

}  // namespace elm
