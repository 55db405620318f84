#include "toolchain/tlm/tlm_tasks.h"

#include <algorithm>
#include <utility>

#include "datasets/load_tasks.h"
#include "datasets/pocket/random.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

// Which split a task of a file belongs to.
std::string SplitOf(const Task& task) {
  const uint64_t part = HashTask(task) % 5;
  return part == 0 ? "validation" : part == 1 ? "test" : "train";
}

}  // namespace

std::vector<Task> TlmTasks(const std::string& spec, const std::string& split, uint32_t count,
                           uint64_t seed, uint32_t wording) {
  LoadTasksOptions load;
  load.seed = seed;
  load.count = count;
  load.wording = wording;
  if (IsPocketTasks(spec)) {
    load.split = ValueOrThrow(pocket::ParseSplit(split));
    return ValueOrThrow(LoadTasks(spec, load));
  }
  load.count = 0;
  std::vector<Task> tasks;
  for (Task& task : ValueOrThrow(LoadTasks(spec, load))) {
    if (SplitOf(task) == split && tasks.size() < count) tasks.push_back(std::move(task));
  }
  if (tasks.empty()) {
    throw Error(
        InvalidArgument("--tasks ", spec, ": no task is left for ", split, "; give a larger set"));
  }
  return tasks;
}

ScoreSource::ScoreSource(const TlmOptions& options) : options_(options) {
  if (!IsPocketTasks(options.tasks)) {
    tasks_ = TlmTasks(options.tasks, "train", options.score_tasks, options.seed);
    return;
  }
  const size_t colon = options.tasks.find(':');
  families_ = ValueOrThrow(
      ParseFamilies(colon == std::string::npos ? "" : options.tasks.substr(colon + 1)));
}

size_t ScoreSource::count() const {
  return tasks_.empty() ? families_.size() * options_.score_tasks : tasks_.size();
}

Task ScoreSource::At(uint64_t index) const {
  if (!tasks_.empty()) return tasks_[index % tasks_.size()];
  pocket::Random random(options_.seed ^ (index * 0x9E3779B97F4A7C15));
  pocket::TaskKey key = {.family = families_[index % families_.size()],
                         .split = pocket::Split::kTrain,
                         .seed = options_.seed + 1000,  // not the questions of the labels
                         .index = index};
  if (random.Chance(options_.small_share)) {
    key.size = static_cast<double>(random.Next() >> 11) * 0x1.0p-53;
  }
  return pocket::MakeTask(key);
}

}  // namespace elm
