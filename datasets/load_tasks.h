// Tasks by name: the one door to every source of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/pocket/world.h"
#include "datasets/task.h"
#include "formats/base/status.h"

namespace elm {

struct LoadTasksOptions {
  pocket::Split split = pocket::Split::kTest;  // of the built-in world; files are what they are
  uint64_t seed = 1;                           // of the built-in world
  // Tasks of each family of the built-in world, at least 1; of a file, at most so many from its
  // beginning, 0 for all.
  uint32_t count = 200;
  uint32_t wording = 0;  // of the built-in world's questions, see pocket::TaskKey
  // Where given, gets a line for each rule by which rows of a public set were repaired or left out.
  std::vector<std::string>* notes = nullptr;
};

// The tasks of `spec`, each valid by Validate(), with ids unique within the answer:
//   tasks.jsonl     a task file (docs/datasets.md)
//   arc:FILE        a public set read from FILE; PublicSets() lists the names
//   pocket          the built-in world, all families, in turn
//   pocket:app      one family of it, or several: pocket:app,fact
// Fails in one line: unknown names with a suggestion, bad files with "file:line: ".
Result<std::vector<Task>> LoadTasks(const std::string& spec, const LoadTasksOptions& options);

// The families of the built-in world that a comma-separated list names, as indices into
// pocket::Families(), in the order of the list and each once; all of them for an empty list.
Result<std::vector<uint32_t>> ParseFamilies(const std::string& list);

}  // namespace elm
