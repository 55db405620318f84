// Question sets that others published, each read from the file its authors distribute. The project
// ships none of them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task.h"
#include "formats/base/status.h"

namespace elm {

struct PublicTasks {
  std::vector<Task> tasks;         // each valid, ids unique
  std::vector<std::string> notes;  // a line for each rule that repaired or left out rows: how many
};

struct PublicSet {
  std::string_view name;         // "arc", as in "arc:FILE"; what tasks' names and ids begin with
  std::string_view description;  // one line
  std::string_view form;         // what the file holds
  std::string_view published;    // where it comes from
  uint32_t options;              // most often; chance is 1 / options. 0 for exact match
  // A row that is not of the form is refused with "<file>:<line>: ". A row that is, but asks
  // nothing that can be answered, is left out by a rule that docs/datasets.md states.
  Result<PublicTasks> (*read)(const std::string& path);
};

std::span<const PublicSet> PublicSets();
// The message lists the names and suggests the nearest.
Result<const PublicSet*> FindPublicSet(std::string_view name);

}  // namespace elm
