// How a task is put to a language model: the one template, for training and for measuring.
//
//   {instructions}
//   {first part of the context}
//   ...
//   {last part of the context}
//   Q: {question}
//   A: {answer}
//
// Empty fields leave no line. Without a question the prompt is the text itself and the answer goes
// on with it: "{context} {answer}".
#pragma once

#include <string>
#include <string_view>

#include "datasets/task.h"

namespace elm {

// Everything up to "A:", without a blank or line end behind it.
std::string PromptText(const Task& task);

// What follows the prompt when the answer is `answer`: " " and the answer.
std::string AnswerText(std::string_view answer);

// Instructions and context with the line end behind them: what the questions about one context
// share. PromptText(task) is ContextText(task) + QuestionText(task).
std::string ContextText(const Task& task);
std::string QuestionText(const Task& task);

}  // namespace elm
