#include "toolchain/trace/baseline_answers.h"

#include <algorithm>
#include <utility>

#include "formats/base/printable.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/task_set.h"

namespace elm {
namespace {

// [folds]: the share of right items outside of each fold.
std::vector<double> OutsideOfFolds(const std::vector<bool>& correct, size_t folds) {
  std::vector<double> accuracies(folds);
  for (size_t fold = 0; fold < folds; ++fold) {
    size_t right = 0;
    size_t items = 0;
    for (size_t item = 0; item < correct.size(); ++item) {
      if (item % folds == fold) continue;
      right += correct[item] ? 1 : 0;
      ++items;
    }
    accuracies[fold] = items == 0 ? 0 : static_cast<double>(right) / static_cast<double>(items);
  }
  return accuracies;
}

}  // namespace

BaselineAnswers::BaselineAnswers(const EvalReport& report, const std::string& name,
                                 std::span<const Task> tasks)
    : report_(report), name_(name) {
  std::map<std::string, std::vector<const Task*>> families;
  for (const Task& task : tasks) families[task.task].push_back(&task);
  for (auto& [family, asked] : families) {
    const auto found = std::find_if(report.families.begin(), report.families.end(),
                                    [&](const EvalFamily& one) { return one.name == family; });
    if (found == report.families.end()) {
      throw Error(InvalidArgument(name, ": lacks the task family ", Printable(family),
                                  "; measure it with the tasks of the trace"));
    }
    if (asked.size() > found->items) asked.resize(found->items);
    if (HashTasks(asked) != found->hash) {
      throw Error(InvalidArgument(
          name, ": was asked other questions of the family ", Printable(family),
          " than those of the trace; make both with the same --split, --seed and --count"));
    }
    const auto index = static_cast<size_t>(found - report.families.begin());
    for (size_t item = 0; item < asked.size(); ++item) {
      places_[asked[item]->id] = {index, item};
    }
  }
  for (const LevelScores& level : report.levels) {
    auto& of_families = accuracies_.emplace_back();
    for (const FamilyScore& family : level.families) {
      of_families.push_back(OutsideOfFolds(family.correct, kFolds));
    }
  }
}

BaselineAnswers::Place BaselineAnswers::PlaceOf(const Task& task) const {
  const auto found = places_.find(task.id);
  if (found != places_.end()) return found->second;
  throw Error(InvalidArgument(name_, ": was not asked task ", Printable(task.id),
                              "; measure as many tasks of each family as the trace draws from "
                              "(--count)"));
}

bool BaselineAnswers::Correct(size_t level, const Task& task) const {
  const Place place = PlaceOf(task);
  return report_.levels.at(level).families[place.family].correct[place.item];
}

std::vector<BaselineLevel> BaselineAnswers::LevelsFor(const Task& task) const {
  const Place place = PlaceOf(task);
  std::vector<BaselineLevel> levels;
  for (size_t level = 0; level < report_.levels.size(); ++level) {
    levels.push_back({.share = report_.levels[level].reached_share,
                      .accuracy = accuracies_[level][place.family][place.item % kFolds]});
  }
  return levels;
}

}  // namespace elm
