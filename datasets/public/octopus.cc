#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "datasets/csv.h"
#include "datasets/public/octopus_functions.h"
#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"
#include "datasets/public/task_collector.h"

namespace elm {
namespace {

constexpr const char* kInstructions = "Choose the function for the request.";
constexpr const char* kFunctionsFile = "octopus_functions.txt";

using Descriptions = std::map<std::string, std::string>;

// Without the file the context is the bare names: harder, but a task all the same.
Result<Descriptions> ReadDescriptions(const std::string& path, TaskCollector& collector) {
  const Result<std::string> text = ReadSetFile(path);
  if (text.ok()) return ParseFunctionDescriptions(*text);
  if (text.status().code() != StatusCode::kNotFound) return text.status();
  collector.Note(StrCat("no ", kFunctionsFile, " beside it, so the context holds bare names"));
  return Descriptions();
}

// The set writes "take a photo" for take_a_photo.
std::string FunctionName(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

// What is asked for stands in front of what must be answered, as a reader of one word after the
// other needs it.
std::string Describe(const std::string& name, const Descriptions& descriptions) {
  const auto found = descriptions.find(name);
  return found == descriptions.end() ? name : StrCat(found->second, ": ", name);
}

Result<Task> FromRecord(const CsvRecord& record, const Descriptions& descriptions,
                        const std::string& where) {
  const std::vector<std::string>& fields = record.fields;
  if (fields.size() < 4) {
    return Corruption(where, ": has ", fields.size(),
                      " fields, expected a request, at least two functions and a letter");
  }
  Task task;
  task.instructions = kInstructions;
  task.question = fields.front();
  for (size_t i = 1; i + 1 < fields.size(); ++i) {
    task.options.push_back(FunctionName(fields[i]));
    task.context.push_back(Describe(task.options.back(), descriptions));
  }
  ELM_ASSIGN_OR_RETURN(const size_t right, LetterIndex(fields.back(), task.options.size(), where));
  task.answer = task.options[right];
  return task;
}

}  // namespace

Result<PublicTasks> ReadOctopus(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  ELM_ASSIGN_OR_RETURN(const std::vector<CsvRecord> records, ParseCsv(text, path));
  TaskCollector collector("octopus", path);
  ELM_ASSIGN_OR_RETURN(const Descriptions descriptions,
                       ReadDescriptions(FileBeside(path, kFunctionsFile), collector));
  for (const CsvRecord& record : records) {
    const std::string where = StrCat(path, ":", record.line);
    ELM_ASSIGN_OR_RETURN(Task task, FromRecord(record, descriptions, where));
    ELM_RETURN_IF_ERROR(collector.Add(where, std::move(task)));
  }
  return std::move(collector).Finish();
}

}  // namespace elm
