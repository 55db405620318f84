#include "datasets/prompt.h"

#include "formats/base/status.h"

namespace elm {

std::string ContextText(const Task& task) {
  std::string text;
  const auto add_line = [&text](std::string_view line) {
    if (line.empty()) return;
    if (!text.empty()) text += '\n';
    text += line;
  };
  add_line(task.instructions);
  for (const std::string& part : task.context) add_line(part);
  if (!text.empty() && !task.question.empty()) text += '\n';
  return text;
}

std::string QuestionText(const Task& task) {
  return task.question.empty() ? "" : StrCat("Q: ", task.question, "\nA:");
}

std::string PromptText(const Task& task) { return ContextText(task) + QuestionText(task); }

std::string AnswerText(std::string_view answer) { return StrCat(" ", answer); }

}  // namespace elm
