// One question with a known answer: what the pocket world makes, what public sets are read as, what
// every level, adapter and baseline is measured on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// A latency demand, as shares of what the full model and prompt take: 0.4 is 40 %.
struct TaskSlo {
  double ttft = 1;  // time to first token
  double tpot = 1;  // time per output token

  bool operator==(const TaskSlo&) const = default;
};

struct Task {
  std::string id;     // unique within its set: "app-test-7-000012"
  std::string task;   // the family it belongs to, one table row: "app", "arc-easy"
  std::string split;  // "train", "validation", "test"; empty where the set knows none

  std::string instructions;          // what to do; must reach the model word for word
  std::vector<std::string> context;  // parts (lines of a screen, of a chat); may be compressed
  std::string question;              // must reach the model word for word

  std::vector<std::string> options;  // multiple choice; empty: the answer is matched exactly
  std::string answer;                // one of `options` where there are any

  std::optional<TaskSlo> slo;
  double difficulty = 0;          // 0 (easy) to 1, by its author's own measure
  std::vector<std::string> tags;  // free words: "distractors=9"

  // For tests and upper bounds only: per part of the context, the words (split at blanks, counted
  // from 0, ascending) that the answer depends on. Empty where nobody marked them.
  std::vector<std::vector<uint32_t>> needed_words;

  bool operator==(const Task&) const = default;
  bool multiple_choice() const { return !options.empty(); }
};

// A question that can be measured: question or context not empty, an answer, at least two different
// options with the answer among them, numbers in range, marks inside their parts. The message names
// the field.
Status Validate(const Task& task);

// Index of the answer among the options of a valid multiple-choice task.
size_t AnswerIndex(const Task& task);

// The words of a text: what stands between blanks, tabs and line ends.
std::vector<std::string_view> SplitWords(std::string_view text);

}  // namespace elm
