// What a request may cost under its SLO, what the runtime would decide, and which of its words
// matter, before anybody answers it.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/task.h"
#include "runtime/orchestrator/orchestrator.h"

namespace elm {

// By what requests are planned: the runtime's own orchestrator over a bundle's tiny LM and
// tokenizer, with any latency table. `config` does not follow drift: all times are the table's.
// Everything must outlive the plans.
struct Planner {
  const OrchestratorConfig& config;
  Llm& llm;  // counts tokens; is not asked
  PromptReader& reader;
  uint32_t output_tokens = 16;
};

class RequestPlan {
 public:
  // Reads the task with the tiny LM under any SLO: where the orchestrator does without, only its
  // own policy is spared. Throws elm::Error that names the task.
  RequestPlan(const Planner& planner, const Task& task, const Slo& slo);

  const Task& task() const { return task_; }
  const SloLimits& limits() const { return feasibility_.limits; }
  uint32_t full_tokens() const { return static_cast<uint32_t>(size_.full_tokens); }
  uint32_t tlm_tokens() const { return static_cast<uint32_t>(answer_.tokens); }
  const std::vector<uint32_t>& kept_tokens() const { return size_.kept_tokens; }

  // Pairs of the whole grid by the tokens that each prompt level may keep; every pair pays for the
  // tiny LM. Where that leaves none, those of the full prompt that are feasible without it.
  const Feasibility& feasibility() const { return feasibility_; }
  // Of feasibility(), or of those the orchestrator chose from.
  uint32_t feasible_pairs() const { return feasible_pairs_; }

  // What the orchestrator decided, as a pair of the grid.
  size_t decided() const { return decided_; }

  // The task with its context shortened to a prompt level, and the tokens of its prompt.
  struct Shortened {
    Task task;
    uint32_t tokens = 0;
  };
  Shortened At(size_t prompt_level) const;

  // What the orchestrator's decision costs: for its own reading, or none.
  PairCost DecidedCost() const;
  // What any pair costs with the tokens that are really kept.
  PairCost CostAt(size_t pair) const;
  // The full model on the full prompt, which is there already: no tiny LM, no switch.
  PairCost FullCost() const;
  // Costs of every prompt level with the full model; FullCost() of the full prompt where the limits
  // allow everything.
  std::vector<PairCost> FullModelCosts() const;

 private:
  PairCost Cost(size_t pair, bool reads) const;
  void Decide(const Slo& slo);

  const Planner& planner_;
  Task task_;
  std::vector<PromptPart> parts_;
  ContextWords words_;
  RequestSize size_;  // reads
  Feasibility feasibility_;
  TlmAnswer answer_;
  std::vector<float> word_scores_;
  size_t decided_ = 0;
  bool decided_by_reading_ = false;
  uint32_t feasible_pairs_ = 0;
};

// The lightest of all pairs, feasible or not.
size_t LightestPair(const Feasibility& feasibility);

}  // namespace elm
