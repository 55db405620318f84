// The pocket world: an unbounded, seeded source of the small tasks that apps ask a phone's LLM,
// with exact answers. Everything in it (people, apps, screens, wordings) is made here.
//
// All functions are pure: the same arguments give the same bytes, on every machine and in every
// order, so a position in the stream is one number. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task.h"

namespace elm::pocket {

// No combination of entities (a person and an attribute, a request and an app, ...) occurs in two
// splits.
enum class Split { kTrain, kValidation, kTest };
const char* SplitName(Split split);
Result<Split> ParseSplit(std::string_view name);

struct Family {
  std::string_view name;         // "app"
  std::string_view description;  // one line for `elmc dataset list`
  bool multiple_choice;
  uint32_t options;  // of each task; 0 for exact match. Chance is 1 / options, or 0
};
// app, function, screen, fact, reply, continue.
std::span<const Family> Families();
// The message lists the names and suggests the nearest.
Result<const Family*> FindFamily(std::string_view name);

struct TaskKey {
  uint32_t family = 0;  // index into Families()
  Split split = Split::kTrain;
  uint64_t seed = 1;
  uint64_t index = 0;  // which task of the stream
  // 1 for the tasks that are measured. Below, down to 0, the context shrinks with it, and so do the
  // options: small scenes to learn from.
  double size = 1;
  // Another wording of the same questions about the same context: 0 is the usual one. Wrong options
  // may differ, the answer to a question about a context does not (of replies, which of the right
  // ones is offered may).
  uint32_t wording = 0;
};

// The task at one place of the stream. Valid by Validate().
Task MakeTask(const TaskKey& key);

// Up to `questions` different questions about one context, as training reads them: all tasks have
// the same instructions and context. The first one is MakeTask(key).
std::vector<Task> MakeTaskGroup(const TaskKey& key, uint32_t questions);

// A plain-text document of the same world, for calibration and recovery: a task group as the model
// reads it, with its answers, ends with a line end. `index` runs through all families.
std::string MakeDocument(Split split, uint64_t seed, uint64_t index);

}  // namespace elm::pocket
