#include <nlohmann/json.hpp>

#include "datasets/public/json_lines_set.h"
#include "datasets/public/readers.h"
#include "formats/base/printable.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

Result<std::string> AskFor(const std::string& direction, const std::string& where) {
  if (direction == "cause") return std::string("What was the cause?");
  if (direction == "effect") return std::string("What happened as a result?");
  return Corruption(where, ": question is ", Printable(direction), ", expected cause or effect");
}

Result<Task> FromRow(const nlohmann::json& row, const std::string& where) {
  const JsonFields fields(row, where);
  ELM_ASSIGN_OR_RETURN(const std::string premise, fields.Text("premise"));
  ELM_ASSIGN_OR_RETURN(const std::string direction, fields.Text("question"));
  ELM_ASSIGN_OR_RETURN(const std::string question, AskFor(direction, where));
  ELM_ASSIGN_OR_RETURN(const uint32_t label, fields.Count("label"));
  if (label > 1) return Corruption(where, ": label is ", label, ", expected 0 or 1");
  Task task;
  task.question = premise + " " + question;
  task.options.resize(2);
  ELM_ASSIGN_OR_RETURN(task.options[0], fields.Text("choice1"));
  ELM_ASSIGN_OR_RETURN(task.options[1], fields.Text("choice2"));
  task.answer = task.options[label];
  return task;
}

}  // namespace

Result<PublicTasks> ReadCopa(const std::string& path) {
  return ReadJsonLinesSet("copa", path, FromRow);
}

}  // namespace elm
