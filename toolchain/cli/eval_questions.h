// The questions of `--tasks`, as a model's token ids: for every command that asks some.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/include/elm/elm.hpp"
#include "toolchain/eval/context_drop.h"
#include "toolchain/eval/evaluate.h"
#include "toolchain/eval/score_tasks.h"
#include "toolchain/eval/task_set.h"
#include "toolchain/eval/task_specs.h"

namespace elm {

// Whom they are asked.
struct AskedModel {
  const Tokenizer& tokenizer;
  const GenerationConfig& generation;
  uint32_t context = 0;  // most tokens that it takes
};

// Which of them.
struct QuestionOptions {
  std::string split = "test";  // of the built-in world
  uint64_t seed = 1;           // of the built-in world
  uint32_t count = 200;        // of each built-in family; of a file, the most that are read
  uint32_t limit = 0;          // most tasks of each family, 0 for all
  bool skip_long = false;      // leave out what the context cannot hold
  ContextDrop drop = {};
  uint32_t windows = 64;         // of each text
  uint32_t window_tokens = 129;  // per window
  size_t threads = 1;
};

// Throws elm::Error.
TaskSet LoadTaskSet(const QuestionOptions& options, const TaskSpecs& specs,
                    const AskedModel& model);
std::vector<TextSet> LoadTexts(const QuestionOptions& options, const TaskSpecs& specs,
                               const AskedModel& model);
AnswerRules RulesOf(const AskedModel& model);

}  // namespace elm
