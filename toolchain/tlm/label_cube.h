// Self-induced labels: which questions the LLM answers right at every pair of a prompt level and a
// model level. Right or wrong does not depend on any SLO, so one cube serves all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/accuracy_grid.h"
#include "toolchain/eval/score_tasks.h"
#include "toolchain/eval/scoring_engine.h"
#include "toolchain/tlm/task_parts.h"

namespace elm {

struct LabelCube {
  std::string key;                               // of everything that decides its values
  std::vector<uint32_t> prompt_levels_permille;  // P
  std::vector<uint32_t> model_levels_permille;   // M
  std::vector<uint64_t> items;                   // HashTask() of each question
  std::vector<uint16_t> right;                   // [items, P, M] 0 or 1
  // [items, P, M]: the share of the right option among all of them (softmax of mean
  // log-probabilities), 0 to 1: how clear the answer was. Without options exp(-nll) of the answer.
  std::vector<float> share;
  std::vector<uint32_t> full_tokens;  // [items] LLM tokens of the whole prompt
  std::vector<uint32_t> kept_tokens;  // [items, P] of the shortened ones
  std::vector<uint32_t> tlm_tokens;   // [items] of the tiny LM over all windows

  bool operator==(const LabelCube&) const = default;
  size_t pairs() const { return prompt_levels_permille.size() * model_levels_permille.size(); }
  bool IsRight(size_t item, size_t pair) const { return right[item * pairs() + pair] != 0; }

  // One of its items as a cube.
  LabelCube Item(size_t item) const;
  // Appends the items of a cube of the same key and levels.
  void Append(const LabelCube& more);
};

// Names a question: everything that the LLM reads of it, and its answer.
uint64_t HashTask(const Task& task);

// Atomic; Load refuses a file whose lists do not fit each other.
Status SaveLabelCube(const std::string& path, const LabelCube& cube);
Result<LabelCube> LoadLabelCube(const std::string& path);

// Mean over the items, with its standard error.
AccuracyGrid GridOf(const LabelCube& cube);

// Scores of the words of tasks' contexts, and how many tokens the tiny LM read for each task.
struct WordScoring {
  std::vector<std::vector<float>> words;
  std::vector<uint32_t> tokens;
};
using ScoreWordsOf = std::function<WordScoring(std::span<const Task> tasks)>;

// What labelling works with.
struct Labeller {
  ScoringEngine& engine;
  std::vector<size_t> levels;  // rows of the model's level table, for model_levels_permille
  const PromptReading& reader;
  PromptTemplate prompt;
  AnswerRules rules;
  ScoreWordsOf score_words;
};

// Answers `tasks` at every pair and appends them to `cube`, whose levels are set. Equal prompts of
// one task are answered once; all of a model level together.
void LabelTasks(Labeller& labeller, std::span<const Task> tasks, LabelCube& cube);

}  // namespace elm
