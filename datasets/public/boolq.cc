#include <nlohmann/json.hpp>

#include "datasets/public/json_lines_set.h"
#include "datasets/public/readers.h"
#include "datasets/sentences.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

// The answer is called "answer" by its authors, "label" in SuperGLUE.
Result<bool> ParseAnswer(const JsonFields& fields) {
  const char* key = fields.Find("answer") != nullptr ? "answer" : "label";
  if (fields.Find(key) == nullptr) {
    return Corruption(fields.name(), ": label is missing, expected true or false");
  }
  return fields.Flag(key, false);
}

Result<Task> FromRow(const nlohmann::json& row, const std::string& where) {
  const JsonFields fields(row, where);
  ELM_ASSIGN_OR_RETURN(const std::string passage, fields.Text("passage"));
  ELM_ASSIGN_OR_RETURN(const bool answer, ParseAnswer(fields));
  Task task;
  for (const std::string_view sentence : SplitSentences(passage)) {
    task.context.emplace_back(sentence);
  }
  ELM_ASSIGN_OR_RETURN(task.question, fields.Text("question"));
  if (!task.question.ends_with('?')) task.question += '?';  // the published ones have none
  task.options = {"yes", "no"};
  task.answer = answer ? "yes" : "no";
  return task;
}

}  // namespace

Result<PublicTasks> ReadBoolq(const std::string& path) {
  return ReadJsonLinesSet("boolq", path, FromRow);
}

}  // namespace elm
