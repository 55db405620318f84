// The rules by which rows of public sets become tasks, in one place.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/public/public_sets.h"
#include "datasets/task.h"

namespace elm {

// Gathers the tasks of one file, in order.
//
// White space around a text is left out, and so are line ends inside a question or an option. An
// option that occurs again in its row is left out there. A row is left out when fewer than two
// options remain of several, or when the answer is not among them. All of this is counted.
class TaskCollector {
 public:
  // `set` is what ids begin with and, unless a task brings its own, what tasks are called.
  TaskCollector(std::string set, std::string path) : set_(std::move(set)), path_(std::move(path)) {}

  // A row at `where`. `task.id` is the row's own name, or empty: then its number is. Fails when the
  // task is not valid even so, or its id is taken.
  Status Add(const std::string& where, Task task);
  // Counts a row that gives no task; `reason` is a clause: "it asks nothing".
  void LeaveOut(const std::string& where, const std::string& reason);
  // Counts a row that was repaired; `what` becomes the note.
  void Tally(const std::string& what, const std::string& where);
  // What the file as a whole lacks, as a note: "no descriptions beside it".
  void Note(std::string_view text);

  // Fails when no task came of the file.
  Result<PublicTasks> Finish() &&;

 private:
  struct Count {
    size_t rows = 0;
    std::string first;  // where
  };

  std::string set_;
  std::string path_;
  size_t rows_ = 0;
  std::vector<Task> tasks_;
  std::set<std::string> ids_;
  std::map<std::string, Count> tallies_;  // what was done, to how many rows
  std::vector<std::string> notes_;
};

}  // namespace elm
