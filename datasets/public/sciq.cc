#include <nlohmann/json.hpp>
#include <vector>

#include "datasets/documents.h"
#include "datasets/public/json_lines_set.h"
#include "datasets/public/readers.h"
#include "datasets/sentences.h"
#include "formats/base/printable.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

constexpr std::string_view kStart = "Answer the following question given this paragraph:";
constexpr std::string_view kQuestion = "\nQ: ";
constexpr std::string_view kChoices = "\n Choices:";
constexpr std::string_view kChoice = "\n- ";
constexpr std::string_view kEnd = "\nA:";

// The pieces of a prompt between the marks above.
struct Prompt {
  std::string_view paragraph;
  std::string_view question;
  std::string_view choices;  // each behind kChoice
};

Result<Prompt> SplitPrompt(std::string_view text, const std::string& where) {
  const size_t end = text.rfind(kEnd);
  const size_t choices = text.rfind(kChoices, end);
  const size_t question = text.rfind(kQuestion, choices);
  if (!text.starts_with(kStart) || end == text.npos || choices == text.npos ||
      question == text.npos) {
    return Corruption(where, ": prompt is ", Printable(text), ", expected \"", kStart,
                      "\", a paragraph, \"Q: ...\", \" Choices:\", a line \"- ...\" for each and "
                      "\"A:\"");
  }
  const auto between = [text](size_t begin, size_t stop) {
    return text.substr(begin, stop - begin);
  };
  return Prompt{between(kStart.size(), question), between(question + kQuestion.size(), choices),
                between(choices + kChoices.size(), end)};
}

std::vector<std::string> SplitChoices(std::string_view text) {
  std::vector<std::string> choices;
  size_t begin = text.find(kChoice);
  while (begin != text.npos) {
    const size_t end = text.find(kChoice, begin + 1);
    choices.emplace_back(text.substr(begin + kChoice.size(), end - begin - kChoice.size()));
    begin = end;
  }
  return choices;
}

Result<Task> FromRow(const nlohmann::json& row, const std::string& where) {
  const JsonFields fields(row, where);
  ELM_ASSIGN_OR_RETURN(const std::string text, fields.Text("prompt"));
  ELM_ASSIGN_OR_RETURN(const Prompt prompt, SplitPrompt(text, where));
  Task task;
  for (const std::string_view sentence : SplitSentences(prompt.paragraph)) {
    task.context.emplace_back(sentence);
  }
  task.question = prompt.question;
  task.options = SplitChoices(prompt.choices);
  ELM_ASSIGN_OR_RETURN(task.answer, fields.Text("completion"));
  task.answer = task.answer.substr(0, task.answer.find(kDocumentSeparator));
  return task;
}

}  // namespace

Result<PublicTasks> ReadSciq(const std::string& path) {
  return ReadJsonLinesSet("sciq", path, FromRow);
}

}  // namespace elm
