// Set-up (b): traces in a big LLM's economics.
//
// What is right comes from the bundle: its tiny LM scores words and decides, prompts are shortened,
// the answer is scored at the chosen pair of levels. What it costs comes from a latency table that
// was measured on a model of the size in question. Every policy, baselines among them, is held to
// the same table, limits and margin.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "toolchain/eval/score_tasks.h"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/trace/baseline_answers.h"
#include "toolchain/trace/request_plan.h"
#include "toolchain/trace/trace.h"
#include "toolchain/trace/trace_results.h"

namespace elm {

// How answers are scored at a level of the elastic model, or of the whole one with sparsity.
struct AnswerScoring {
  ScoringEngine& engine;
  AnswerRules rules;
  EncodeText encode;
  std::optional<uint32_t> bos;
};

struct TraceBaseline {
  TracePolicy policy;
  std::shared_ptr<const BaselineAnswers> answers;
};

// The whole model with contextual sparsity behind the prompt, for the row of LLMLingua-2.
struct SparseDecoding {
  TracePolicy policy;
  AnswerScoring scoring;                           // level i is answers->level(i)
  std::shared_ptr<const BaselineAnswers> answers;  // of full prompts: what each level is good for
};

struct EconomicsInputs {
  std::span<const Trace> traces;
  // Its accuracy grid names exactly the pairs that are decided among.
  Planner planner;
  AnswerScoring scoring;
  std::vector<size_t> engine_levels;  // rows of the engine's level table for the grid's columns
  std::span<const TraceBaseline> baselines = {};
  const SparseDecoding* sparse = nullptr;
  // Also the oracle, which chooses by the answers to another wording of each task; only for tasks
  // of the built-in world. Takes as long as everything else several times.
  bool oracle = false;
  uint64_t seed = 1;  // of random choices
};

struct EconomicsHooks {
  // "plan", "answer", ...; throwing stops the run.
  std::function<void(const std::string& label, size_t done, size_t total)> progress =
      [](const std::string&, size_t, size_t) {};
  // Some more was measured: time to keep it.
  std::function<void(const EconomicsResults&)> measured = [](const EconomicsResults&) {};
};

// Names of this set-up's own policies beside kOurPolicy.
inline constexpr char kFullPolicy[] = "full";           // full model, full prompt, whatever the SLO
inline constexpr char kRandomPolicy[] = "random-pair";  // any feasible pair
inline constexpr char kFixedPolicy[] = "best-fixed";    // the feasible pair of best validation
inline constexpr char kOraclePolicy[] = "oracle";       // cross-fitted
inline constexpr char kLinguaPolicy[] = "llmlingua-cs";  // LLMLingua-2 + contextual sparsity

// Plays all traces. `results` holds the heading (table, hashes, engine), and whatever an earlier
// run of the same bundle measured: its cells are not measured again. Throws elm::Error: a task
// longer than the model's context, a baseline that does not know a task.
void PlayEconomics(const EconomicsInputs& inputs, const EconomicsHooks& hooks,
                   EconomicsResults& results);

}  // namespace elm
