#include "datasets/public/choice_rows.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "datasets/public/row_text.h"
#include "formats/base/printable.h"
#include "formats/json/json_rows.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr std::string_view kAdaptersStart = "Please choose the correct answer to the question:";
constexpr std::string_view kAdaptersOptions = "\n\nAnswer1: ";
constexpr std::string_view kAdaptersEnd = "\n\nAnswer format:";

Status NotAdapters(const std::string& where, const std::string& instruction) {
  return Corruption(where, ": instruction is ", Printable(instruction),
                    ", expected \"Please choose the correct answer to the question: ...\", then "
                    "\"Answer1: ...\" and \"Answer format: ...\" after empty lines");
}

// "answer3" is the index 2.
Result<size_t> AdaptersAnswer(const std::string& answer, size_t count, const std::string& where) {
  for (size_t index = 0; index < count; ++index) {
    if (answer == StrCat("answer", index + 1)) return index;
  }
  return Corruption(where, ": answer is ", Printable(answer), ", expected answer1 to answer",
                    count);
}

Result<Task> FromAdapters(const json& row, const std::string& where) {
  if (!row.is_object()) {
    return Corruption(where, ": is ", PrintableJson(row), ", expected an object");
  }
  const JsonFields fields(row, where);
  ELM_ASSIGN_OR_RETURN(const std::string instruction, fields.Text("instruction"));
  const std::string_view text = instruction;
  const size_t end = text.rfind(kAdaptersEnd);
  const size_t options = text.rfind(kAdaptersOptions, end);
  if (!text.starts_with(kAdaptersStart) || end == text.npos || options == text.npos) {
    return NotAdapters(where, instruction);
  }
  Task task;
  task.question = text.substr(kAdaptersStart.size(), options - kAdaptersStart.size());
  task.options = SplitAtMarks(text.substr(options + 2, end - options - 2), "Answer", '1', ": ");
  ELM_ASSIGN_OR_RETURN(const std::string answer, fields.Text("answer"));
  ELM_ASSIGN_OR_RETURN(const size_t right, AdaptersAnswer(answer, task.options.size(), where));
  task.answer = task.options[right];
  return task;
}

struct Choices {
  std::vector<std::string> labels;
  std::vector<std::string> texts;
};

Result<Choices> ParseChoices(const JsonFields& question) {
  const json* list = question.Find("choices");
  if (list == nullptr || !list->is_array()) {
    return Corruption(question.name(), ": choices is missing or no list");
  }
  Choices choices;
  for (const json& choice : *list) {
    if (!choice.is_object()) {
      return Corruption(question.name(), ": choices holds ", PrintableJson(choice),
                        ", expected objects with text and label");
    }
    const JsonFields fields(choice, question.name() + ": choices");
    ELM_ASSIGN_OR_RETURN(std::string text, fields.Text("text"));
    ELM_ASSIGN_OR_RETURN(std::string label, fields.Text("label"));
    choices.texts.push_back(std::move(text));
    choices.labels.push_back(std::move(label));
  }
  return choices;
}

Result<Task> FromChoices(const json& row, const std::string& where) {
  const JsonFields fields(row, where);
  const json* question = fields.Find("question");
  if (question == nullptr || !question->is_object()) {
    return Corruption(where, ": question is missing or no object with stem and choices");
  }
  const JsonFields question_fields(*question, where + ": question");
  Task task;
  ELM_ASSIGN_OR_RETURN(task.id, fields.Text("id", ""));
  ELM_ASSIGN_OR_RETURN(task.question, question_fields.Text("stem"));
  ELM_ASSIGN_OR_RETURN(Choices choices, ParseChoices(question_fields));
  ELM_ASSIGN_OR_RETURN(const std::string key, fields.Text("answerKey"));
  for (size_t i = 0; i < choices.labels.size(); ++i) {
    if (choices.labels[i] == key) task.answer = choices.texts[i];
  }
  if (task.answer.empty()) {
    return Corruption(where, ": answerKey is ", Printable(key), ", which labels none of the ",
                      choices.labels.size(), " choices");
  }
  task.options = std::move(choices.texts);
  return task;
}

}  // namespace

Status AddChoiceRows(std::string_view text, const std::string& path, TaskCollector& collector) {
  const size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const bool is_array = start != text.npos && text[start] == '[';
  const auto add = [&](const json& row, const std::string& where) -> Status {
    ELM_ASSIGN_OR_RETURN(Task task, is_array ? FromAdapters(row, where) : FromChoices(row, where));
    return collector.Add(where, std::move(task));
  };
  return is_array ? VisitJsonArray(text, path, add) : VisitJsonLines(text, path, add);
}

}  // namespace elm
