// Questions put to a model at a level, and how it did.
#pragma once

#include <vector>

#include "toolchain/eval/exact_match.h"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/eval/task_set.h"

namespace elm {

struct TaskOutcome {
  bool correct = false;
  double answer_nll = 0;  // of the right answer, in nats per token
  // [options]: mean log-probability of each option's tokens; the highest is the prediction (the
  // first one on a tie). Of a task without options the answer's alone: there the prediction is what
  // greedy decoding writes.
  std::vector<double> option_scores;
};

struct AnswerRules {
  AnswerDecoder decoder;
  uint32_t context = 0;  // most tokens that the model takes
};

// One outcome per task of the set. Greedy decoding goes on for at most eight tokens more than the
// answer has; the answer's own tokens serve as a draft of it, so that one pass decides nearly
// always. Progress counts tasks.
std::vector<TaskOutcome> ScoreTasks(ScoringEngine& engine, size_t level, const TaskSet& set,
                                    const AnswerRules& rules, const ScoringProgress& progress = {});

}  // namespace elm
