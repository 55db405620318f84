#include "datasets/task_file.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "formats/base/mapped_file.h"
#include "formats/base/printable.h"
#include "formats/json/json_rows.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json ToJson(const Task& task) {
  static const Task kDefaults;
  ordered_json row;
  const auto add = [&row](const char* key, const auto& value, const auto& absent) {
    if (value != absent) row[key] = value;
  };
  add("id", task.id, kDefaults.id);
  add("task", task.task, kDefaults.task);
  add("split", task.split, kDefaults.split);
  add("instructions", task.instructions, kDefaults.instructions);
  add("context", task.context, kDefaults.context);
  add("question", task.question, kDefaults.question);
  add("options", task.options, kDefaults.options);
  add("answer", task.answer, kDefaults.answer);
  if (task.slo) row["slo"] = {{"ttft", task.slo->ttft}, {"tpot", task.slo->tpot}};
  add("difficulty", task.difficulty, kDefaults.difficulty);
  add("tags", task.tags, kDefaults.tags);
  add("needed_words", task.needed_words, kDefaults.needed_words);
  return row;
}

Result<std::optional<TaskSlo>> ParseSlo(const JsonFields& fields) {
  const json* value = fields.Find("slo");
  if (value == nullptr) return std::optional<TaskSlo>();
  if (!value->is_object()) {
    return Corruption(fields.name(), ": slo is ", PrintableJson(*value),
                      ", expected an object with ttft and tpot");
  }
  const JsonFields slo_fields(*value, fields.name() + ": slo");
  ELM_RETURN_IF_ERROR(slo_fields.OnlyKeys({"ttft", "tpot"}));
  TaskSlo slo;
  ELM_ASSIGN_OR_RETURN(slo.ttft, slo_fields.Number("ttft", slo.ttft));
  ELM_ASSIGN_OR_RETURN(slo.tpot, slo_fields.Number("tpot", slo.tpot));
  return std::optional<TaskSlo>(slo);
}

bool IsMark(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= std::numeric_limits<uint32_t>::max();
}

bool AreMarks(const json& part) {
  return part.is_array() && std::all_of(part.begin(), part.end(), IsMark);
}

Result<std::vector<std::vector<uint32_t>>> ParseMarks(const JsonFields& fields) {
  const json* value = fields.Find("needed_words");
  if (value == nullptr) return std::vector<std::vector<uint32_t>>();
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), AreMarks)) {
    return Corruption(fields.name(), ": needed_words is ", PrintableJson(*value),
                      ", expected a list of word numbers per part of the context");
  }
  return value->get<std::vector<std::vector<uint32_t>>>();
}

}  // namespace

Result<Task> ParseTask(const json& row, const std::string& where) {
  const JsonFields fields(row, where);
  ELM_RETURN_IF_ERROR(
      fields.OnlyKeys({"id", "task", "split", "instructions", "context", "question", "options",
                       "answer", "slo", "difficulty", "tags", "needed_words"}));
  Task task;
  ELM_ASSIGN_OR_RETURN(task.id, fields.Text("id"));
  ELM_ASSIGN_OR_RETURN(task.task, fields.Text("task"));
  ELM_ASSIGN_OR_RETURN(task.split, fields.Text("split", ""));
  ELM_ASSIGN_OR_RETURN(task.instructions, fields.Text("instructions", ""));
  ELM_ASSIGN_OR_RETURN(task.context, fields.Texts("context"));
  ELM_ASSIGN_OR_RETURN(task.question, fields.Text("question", ""));
  ELM_ASSIGN_OR_RETURN(task.options, fields.Texts("options"));
  ELM_ASSIGN_OR_RETURN(task.answer, fields.Text("answer"));
  ELM_ASSIGN_OR_RETURN(task.slo, ParseSlo(fields));
  ELM_ASSIGN_OR_RETURN(task.difficulty, fields.Number("difficulty", 0));
  ELM_ASSIGN_OR_RETURN(task.tags, fields.Texts("tags"));
  ELM_ASSIGN_OR_RETURN(task.needed_words, ParseMarks(fields));
  if (const Status valid = Validate(task); !valid.ok()) {
    return Corruption(fields.name(), ": ", valid.message());
  }
  return task;
}

Result<std::string> TaskLine(const Task& task) {
  ELM_RETURN_IF_ERROR(Validate(task).In(StrCat("task ", Printable(task.id))));
  try {
    return ToJson(task).dump();
  } catch (const json::type_error&) {  // the library's only way to say so
    return InvalidArgument("task ", Printable(task.id), ": holds text that is not UTF-8");
  }
}

Result<std::vector<Task>> ParseTasks(std::string_view text, const std::string& name) {
  std::vector<Task> tasks;
  std::unordered_map<std::string, std::string> places;  // of each id
  const auto add = [&](const json& row, const std::string& where) -> Status {
    ELM_ASSIGN_OR_RETURN(Task task, ParseTask(row, where));
    const auto [place, is_new] = places.try_emplace(task.id, where);
    if (!is_new) {
      return Corruption(where, ": id ", Printable(task.id), " occurs twice, first at ",
                        place->second);
    }
    tasks.push_back(std::move(task));
    return Status::Ok();
  };
  ELM_RETURN_IF_ERROR(VisitJsonLines(text, name, add));
  if (tasks.empty()) return Corruption(name, ": holds no task, expected one per line");
  return tasks;
}

Result<std::vector<Task>> ReadTaskFile(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const MappedFile file,
                       MappedFile::Open(path, MappedFile::Access::kSequential));
  const auto bytes = file.bytes();
  return ParseTasks({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

Result<TaskFileWriter> TaskFileWriter::Create(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(TextFileWriter file, TextFileWriter::Create(path));
  return TaskFileWriter(std::move(file));
}

Status TaskFileWriter::Add(const Task& task) {
  ELM_ASSIGN_OR_RETURN(const std::string line, TaskLine(task));
  return file_.Add(line + '\n');
}

}  // namespace elm
