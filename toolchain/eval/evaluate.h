// Every question and text at every level.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "toolchain/eval/eval_report.h"
#include "toolchain/eval/score_tasks.h"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/eval/task_set.h"

namespace elm {

// A text to measure the loss on.
struct TextSet {
  std::string name;
  TokenWindows windows;
  std::string hash;
};

// What is asked. The tasks and texts must outlive the evaluation.
struct Questions {
  const TaskSet& tasks;
  std::span<const TextSet> texts;
};

// The columns of a report, in the order in which Evaluate() scores them.
std::vector<EvalFamily> DescribeFamilies(const TaskSet& tasks);
std::vector<EvalText> DescribeTexts(std::span<const TextSet> texts);

// Scores of one level, an index into the engine's level table. Progress counts tasks and windows.
QuestionScores AskLevel(ScoringEngine& engine, size_t level, const Questions& questions,
                        const AnswerRules& rules, const ScoringProgress& progress = {});

// Scores of the levels `chosen`, ascending indices into `levels`, which belong to the engine's
// model `config`. Progress counts tasks and windows over all levels.
std::vector<LevelScores> Evaluate(ScoringEngine& engine, const ModelConfig& config,
                                  const LevelTable& levels, std::span<const size_t> chosen,
                                  const Questions& questions, const AnswerRules& rules,
                                  const ScoringProgress& progress = {});

}  // namespace elm
