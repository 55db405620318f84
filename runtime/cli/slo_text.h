// Requests with an SLO and their answers for people.
#pragma once

#include <string>

#include "runtime/cli/slo_engine.h"
#include "runtime/orchestrator/orchestrator.h"

namespace elm {

// How dropped and protected words are told from kept ones.
enum class Marking {
  kColours,  // for a terminal
  kMarkers,  // [-dropped-], {+forced+}, "| " before protected lines
};

// "level 0.5, 60 % of the prompt, by grid; TTFT 43.1 of 50.0 ms, TPOT 3.10 of 4.00 ms: met": one
// line for standard error.
std::string AnswerLine(const SloAnswer& answer, const LatencySource& latency);

// The prompt, part by part, with the words that went and those that stayed.
std::string MarkedPrompt(const SloRequest& request, const PreparedRequest& prepared,
                         Marking marking);

// Predicted TTFT of every pair as a grid: feasible pairs as they are, others in brackets, the
// chosen one with a star.
std::string PairsText(const PreparedRequest& prepared);

// Who decided and why, in a sentence.
std::string DecisionText(const PreparedRequest& prepared);

// What was asked for, predicted, and (with `answer`) achieved. `answer` may be null.
std::string AskedAndAchieved(const SloRequest& request, const PreparedRequest& prepared,
                             const SloAnswer* answer);

}  // namespace elm
