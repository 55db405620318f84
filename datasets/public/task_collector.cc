#include "datasets/public/task_collector.h"

#include <algorithm>

#include "datasets/documents.h"
#include "formats/base/printable.h"

namespace elm {
namespace {

std::string Trim(std::string_view text) {
  while (!text.empty() && IsAsciiSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsAsciiSpace(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string OneLine(std::string_view text) {
  std::string line = Trim(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

void TidyTexts(Task& task) {
  for (std::string& part : task.context) part = Trim(part);
  std::erase(task.context, "");
  task.question = OneLine(task.question);
  task.answer = OneLine(task.answer);
  for (std::string& option : task.options) option = OneLine(option);
}

// Keeps the first of equal options; true when there were any.
bool DropRepeatedOptions(std::vector<std::string>& options) {
  std::vector<std::string> kept;
  for (std::string& option : options) {
    if (std::find(kept.begin(), kept.end(), option) == kept.end())
      kept.push_back(std::move(option));
  }
  const bool dropped = kept.size() < options.size();
  options = std::move(kept);
  return dropped;
}

bool HoldsAnswer(const Task& task) {
  return std::find(task.options.begin(), task.options.end(), task.answer) != task.options.end();
}

}  // namespace

void TaskCollector::Tally(const std::string& what, const std::string& where) {
  Count& count = tallies_[what];
  if (count.rows++ == 0) count.first = where;
}

void TaskCollector::LeaveOut(const std::string& where, const std::string& reason) {
  ++rows_;
  Tally("row left out, " + reason, where);
}

void TaskCollector::Note(std::string_view text) { notes_.push_back(StrCat(path_, ": ", text)); }

Status TaskCollector::Add(const std::string& where, Task task) {
  TidyTexts(task);
  const bool multiple_choice = task.multiple_choice();
  const bool repeated = DropRepeatedOptions(task.options);
  if (multiple_choice && !HoldsAnswer(task)) {
    LeaveOut(where, "the answer is not among the options");
    return Status::Ok();
  }
  if (multiple_choice && task.options.size() < 2) {
    LeaveOut(where, "there is nothing to choose from");
    return Status::Ok();
  }
  if (repeated) Tally("option left out, it occurs twice", where);
  ++rows_;
  if (task.task.empty()) task.task = set_;
  task.id = StrCat(set_, "-", task.id.empty() ? StrCat(rows_) : task.id);
  if (const Status valid = Validate(task); !valid.ok()) {
    return Corruption(where, ": ", valid.message());
  }
  if (!ids_.insert(task.id).second) {
    return Corruption(where, ": id ", Printable(task.id), " occurs twice");
  }
  tasks_.push_back(std::move(task));
  return Status::Ok();
}

Result<PublicTasks> TaskCollector::Finish() && {
  if (rows_ == 0) return Corruption(path_, ": holds no rows");
  if (tasks_.empty()) {
    const auto& [what, count] = *tallies_.begin();
    return Corruption(count.first, ": ", what, "; so are all ", rows_, " rows");
  }
  for (const auto& [what, count] : tallies_) {
    const std::string more = count.rows > 1 ? StrCat(" (and ", count.rows - 1, " more rows)") : "";
    notes_.push_back(StrCat(count.first, ": ", what, more));
  }
  return PublicTasks{std::move(tasks_), std::move(notes_)};
}

}  // namespace elm
