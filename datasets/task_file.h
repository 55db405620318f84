// Tasks as a file: JSON Lines, one task per line, documented in docs/datasets.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/task.h"
#include "datasets/text_file_writer.h"
#include "formats/base/status.h"

namespace elm {

// The line of a task, without a line end. Fields that have their default are left out. Fails when
// the task is not valid by Validate() or holds text that is not UTF-8.
Result<std::string> TaskLine(const Task& task);

// One task as a JSON object of the same fields. `where` starts every message.
Result<Task> ParseTask(const nlohmann::json& row, const std::string& where);

// The tasks of a file's contents; TaskLine() and this give back an equal task. Refuses
// with "<name>:<line>: ": what is not a JSON object, keys that are not in the schema, values of the
// wrong type, tasks that are not valid, an id that occurs twice; and a text without any task.
Result<std::vector<Task>> ParseTasks(std::string_view text, const std::string& name);
Result<std::vector<Task>> ReadTaskFile(const std::string& path);

// Writes tasks as they come; the file appears with Commit().
class TaskFileWriter {
 public:
  static Result<TaskFileWriter> Create(const std::string& path);
  Status Add(const Task& task);
  Status Commit() { return file_.Commit(); }

 private:
  explicit TaskFileWriter(TextFileWriter file) : file_(std::move(file)) {}
  TextFileWriter file_;
};

}  // namespace elm
