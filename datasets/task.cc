#include "datasets/task.h"

#include <algorithm>
#include <set>

#include "datasets/documents.h"

namespace elm {
namespace {

Status CheckOptions(const Task& task) {
  if (task.options.empty()) return Status::Ok();
  if (task.options.size() < 2) {
    return InvalidArgument("options has a single entry, expected none or at least two");
  }
  const std::set<std::string_view> distinct(task.options.begin(), task.options.end());
  if (distinct.size() != task.options.size()) {
    return InvalidArgument("options holds the same text twice");
  }
  if (distinct.contains("")) return InvalidArgument("options holds an empty text");
  if (!distinct.contains(task.answer)) {
    return InvalidArgument("answer \"", task.answer, "\" is not among the ", task.options.size(),
                           " options");
  }
  return Status::Ok();
}

Status CheckSlo(const TaskSlo& slo) {
  for (const auto& [name, share] : {std::pair("ttft", slo.ttft), std::pair("tpot", slo.tpot)}) {
    if (!(share > 0 && share <= 1)) {
      return InvalidArgument("slo.", name, " is ", share, ", expected above 0 and at most 1");
    }
  }
  return Status::Ok();
}

Status CheckMarks(const Task& task) {
  if (task.needed_words.empty()) return Status::Ok();
  if (task.needed_words.size() != task.context.size()) {
    return InvalidArgument("needed_words has ", task.needed_words.size(),
                           " entries, expected one per part of the context (", task.context.size(),
                           ")");
  }
  for (size_t part = 0; part < task.context.size(); ++part) {
    const std::vector<uint32_t>& marks = task.needed_words[part];
    const size_t words = SplitWords(task.context[part]).size();
    if (std::adjacent_find(marks.begin(), marks.end(), std::greater_equal<>()) != marks.end()) {
      return InvalidArgument("needed_words[", part, "] is not ascending");
    }
    if (!marks.empty() && marks.back() >= words) {
      return InvalidArgument("needed_words[", part, "] names word ", marks.back(), " of a part of ",
                             words, " words");
    }
  }
  return Status::Ok();
}

}  // namespace

Status Validate(const Task& task) {
  if (task.id.empty()) return InvalidArgument("id is empty");
  if (task.task.empty()) return InvalidArgument("task is empty");
  if (task.question.empty() && task.context.empty()) {
    return InvalidArgument("question and context are both empty");
  }
  if (task.answer.empty()) return InvalidArgument("answer is missing or empty");
  if (!(task.difficulty >= 0 && task.difficulty <= 1)) {
    return InvalidArgument("difficulty is ", task.difficulty, ", expected 0 to 1");
  }
  ELM_RETURN_IF_ERROR(CheckOptions(task));
  if (task.slo) ELM_RETURN_IF_ERROR(CheckSlo(*task.slo));
  return CheckMarks(task);
}

size_t AnswerIndex(const Task& task) {
  return static_cast<size_t>(std::find(task.options.begin(), task.options.end(), task.answer) -
                             task.options.begin());
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  while (begin < text.size()) {
    if (IsAsciiSpace(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < text.size() && !IsAsciiSpace(text[end])) ++end;
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

}  // namespace elm
