#include "toolchain/eval/task_set.h"

#include <algorithm>
#include <span>
#include <utility>

#include "datasets/task_file.h"
#include "formats/base/hash.h"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/hash_text.h"
#include "toolchain/eval/task_request.h"

namespace elm {
namespace {

struct NamedTasks {
  std::string family;
  std::string source;
  std::vector<const Task*> tasks;
};

// The tasks of one source by family, in the order in which the families first occur.
void AddSource(const std::string& source, const std::vector<Task>& tasks, size_t limit,
               std::vector<NamedTasks>& families) {
  for (const Task& task : tasks) {
    auto family = std::find_if(families.begin(), families.end(),
                               [&](const NamedTasks& known) { return known.family == task.task; });
    if (family == families.end()) {
      families.push_back({task.task, source, {}});
      family = families.end() - 1;
    }
    if (family->source != source) {
      throw Error(InvalidArgument("the task family ", task.task, " comes from both ",
                                  family->source, " and ", source, "; evaluate them one by one"));
    }
    if (limit == 0 || family->tasks.size() < limit) family->tasks.push_back(&task);
  }
}

double ChanceOf(const Task& task) {
  return task.multiple_choice() ? 1.0 / static_cast<double>(task.options.size()) : 0.0;
}

bool Fits(const Task& task, const ScoringRequest& request, const TaskSetOptions& options) {
  const size_t longest = request.longest();
  if (longest <= options.context) return true;
  if (options.skip_long) return false;
  throw Error(InvalidArgument("task ", task.id, ": prompt and longest answer have ", longest,
                              " tokens, the model's context holds ", options.context,
                              "; --skip-long leaves such tasks out"));
}

// Appends one family to the set.
void AddFamily(const NamedTasks& named, std::span<const Task> changed,
               std::span<ScoringRequest> requests, const TaskSetOptions& options, TaskSet& set) {
  TaskFamily family;
  family.name = named.family;
  family.source = named.source;
  family.begin = set.tasks.size();
  std::vector<const Task*> loaded;
  double chance = 0;
  for (size_t i = 0; i < named.tasks.size(); ++i) {
    if (!Fits(changed[i], requests[i], options)) {
      ++family.skipped;
      continue;
    }
    loaded.push_back(named.tasks[i]);
    chance += ChanceOf(changed[i]);
    set.tasks.push_back(changed[i]);
    set.requests.push_back(std::move(requests[i]));
  }
  family.end = set.tasks.size();
  if (family.items() == 0) {
    throw Error(InvalidArgument("task family ", family.name, ": none of its ", family.skipped,
                                " tasks fits the model's context of ", options.context,
                                " tokens; leave the family out"));
  }
  family.chance = chance / static_cast<double>(family.items());
  family.hash = HashTasks(loaded);
  set.families.push_back(std::move(family));
}

}  // namespace

TaskSet MakeTaskSet(const std::vector<std::pair<std::string, std::vector<Task>>>& sources,
                    const TaskSetOptions& options) {
  std::vector<NamedTasks> families;
  for (const auto& [source, tasks] : sources) AddSource(source, tasks, options.limit, families);
  std::vector<Task> changed;
  for (const NamedTasks& family : families) {
    for (const Task* task : family.tasks) {
      changed.push_back(options.change ? options.change(*task) : *task);
    }
  }
  std::vector<ScoringRequest> requests(changed.size());
  WorkerPool(options.threads).ForEach(changed.size(), [&](size_t index, size_t) {
    requests[index] = MakeScoringRequest(changed[index], options.encode, options.bos);
  });

  TaskSet set;
  size_t begin = 0;
  for (const NamedTasks& family : families) {
    const size_t count = family.tasks.size();
    AddFamily(family, std::span(changed).subspan(begin, count),
              std::span(requests).subspan(begin, count), options, set);
    begin += count;
  }
  return set;
}

std::string HashTasks(std::span<const Task* const> tasks) {
  Hasher64 hasher;
  for (const Task* task : tasks) {
    const std::string line = ValueOrThrow(TaskLine(*task)) + "\n";
    hasher.Update(std::as_bytes(std::span(line)));
  }
  return HashText(hasher.Digest());
}

}  // namespace elm
