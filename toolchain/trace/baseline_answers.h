// What a baseline answered, item by item, looked up for the requests of traces.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "datasets/task.h"
#include "toolchain/eval/eval_report.h"
#include "toolchain/trace/baseline_rules.h"

namespace elm {

// An evaluation of a baseline at its levels, of the tasks that traces draw from. `report` must
// outlive this.
class BaselineAnswers {
 public:
  // `name` says in messages what was read, `tasks` is what traces draw from. Throws elm::Error when
  // the evaluation lacks a family of theirs, or was asked other questions: families are compared by
  // the hash of their first tasks, as many as the evaluation has.
  BaselineAnswers(const EvalReport& report, const std::string& name, std::span<const Task> tasks);

  size_t levels() const { return report_.levels.size(); }
  const LevelScores& level(size_t index) const { return report_.levels[index]; }

  // Throws elm::Error when `task` lies behind the tasks that were evaluated.
  bool Correct(size_t level, const Task& task) const;

  // The levels with their validation accuracy for a task: that on other tasks of its family. Tasks
  // are dealt into kFolds folds, and those of the task's own fold do not count, so that a baseline
  // knows what each level is good for and not what this very task wants.
  std::vector<BaselineLevel> LevelsFor(const Task& task) const;

  static constexpr size_t kFolds = 5;

 private:
  struct Place {
    size_t family;
    size_t item;
  };
  Place PlaceOf(const Task& task) const;

  const EvalReport& report_;
  std::string name_;
  std::map<std::string, Place> places_;  // by the task's id
  // [levels][families][folds]: accuracy over the items outside of the fold.
  std::vector<std::vector<std::vector<double>>> accuracies_;
};

}  // namespace elm
