// The questions of one evaluation, ready to be asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/task.h"
#include "datasets/token_windows.h"
#include "toolchain/eval/scoring_engine.h"

namespace elm {

// One column of the table: tasks that share a name.
struct TaskFamily {
  std::string name;    // Task::task
  std::string source;  // SpecName() of where they come from
  size_t begin = 0;    // its tasks are [begin, end) of the set's
  size_t end = 0;
  size_t skipped = 0;  // too long for the model, left out
  double chance = 0;  // accuracy of blind guessing: mean of 1 / options; 0 where the answer is free
  std::string hash;   // XXH3-64 of the tasks as they were loaded, words not dropped, in hex

  size_t items() const { return end - begin; }
};

struct TaskSet {
  std::vector<TaskFamily> families;
  std::vector<Task> tasks;               // family by family
  std::vector<ScoringRequest> requests;  // [tasks]
};

// What becomes of a task before it is asked; see context_drop.h.
using ChangeTask = std::function<Task(const Task&)>;

struct TaskSetOptions {
  EncodeText encode;            // text to ids; called from several threads
  std::optional<uint32_t> bos;  // in front of every prompt
  uint32_t context = 0;         // most tokens that the model takes
  size_t limit = 0;             // most tasks of a family, the first ones; 0 is all
  bool skip_long = false;       // leave tasks out that do not fit the context
  ChangeTask change = {};       // empty: as they are
  size_t threads = 1;           // for tokenizing
};

// Puts the tasks of several sources together; `sources` are (name, tasks). Throws elm::Error: a
// task that does not fit the context (with its id and both lengths) unless it may be skipped, a
// family that none is left of, a family that comes from two sources.
TaskSet MakeTaskSet(const std::vector<std::pair<std::string, std::vector<Task>>>& sources,
                    const TaskSetOptions& options);

// XXH3-64 of tasks as they were loaded, as TaskFamily::hash has it.
std::string HashTasks(std::span<const Task* const> tasks);

}  // namespace elm
