#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"
#include "datasets/public/task_collector.h"
#include "formats/base/printable.h"
#include "formats/json/json_rows.h"
#include "formats/json/json_text.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr size_t kLetters = 26;

Status BadRow(const std::string& where, const json& row) {
  return Corruption(where, ": is ", PrintableJson(row),
                    ", expected [question, options, answer, [TTFT, TPOT], arrival, set]");
}

bool IsTextList(const json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); });
}

bool IsDemand(const json& value) {
  return value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number();
}

bool HasForm(const json& row) {
  return row.is_array() && row.size() == 6 && row[0].is_string() && IsTextList(row[1]) &&
         (row[2].is_string() || row[2].is_number_unsigned()) && IsDemand(row[3]) &&
         row[4].is_number_unsigned() && row[5].is_string();
}

bool IsLetter(const std::string& text) {
  return text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z';
}

bool IsDigit(const std::string& text) {
  return text.size() == 1 && text[0] >= '0' && text[0] <= '9';
}

Result<std::string> OptionAt(uint64_t index, const std::vector<std::string>& options,
                             const std::string& where) {
  if (index < options.size()) return options[index];
  return Corruption(where, ": answer is outside of the ", options.size(), " options");
}

// The traces carry the answer keys of six sets: a number counts from 0; a digit in quotes is one of
// ARC's keys and counts from 1; a letter counts from "A", but only where there are letters for all
// options (an app is called "X"); anything else is the option itself.
Result<std::string> ParseAnswer(const json& answer, const std::vector<std::string>& options,
                                const std::string& where) {
  if (answer.is_number_unsigned()) return OptionAt(answer.get<uint64_t>(), options, where);
  const auto text = answer.get<std::string>();
  if (options.size() <= kLetters && IsLetter(text)) {
    ELM_ASSIGN_OR_RETURN(const size_t index, LetterIndex(text, options.size(), where));
    return options[index];
  }
  if (options.size() <= kLetters && IsDigit(text)) {
    return OptionAt(static_cast<uint64_t>(text[0] - '0') - 1, options, where);
  }
  if (std::find(options.begin(), options.end(), text) != options.end()) return text;
  return Corruption(where, ": answer is ", Printable(text), ", which is no option");
}

Result<Task> FromRow(const json& row, const std::string& where) {
  if (!HasForm(row)) return BadRow(where, row);
  Task task;
  task.task = StrCat("elastilm-", LowerCase(row[5].get<std::string>()));
  task.question = row[0].get<std::string>();
  task.options = row[1].get<std::vector<std::string>>();
  ELM_ASSIGN_OR_RETURN(task.answer, ParseAnswer(row[2], task.options, where));
  task.slo = TaskSlo{row[3][0].get<double>(), row[3][1].get<double>()};
  task.tags = {StrCat("arrival=", row[4].get<uint64_t>())};
  return task;
}

// Whoever made the traces lost the requests of two sets: an option stands where each should be, the
// first one, or the answer itself.
bool AsksNothing(const Task& task) {
  return std::find(task.options.begin(), task.options.end(), task.question) != task.options.end();
}

Result<PublicTasks> ReadTrace(const std::string& set, const std::string& path, bool answerable) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  TaskCollector collector(set, path);
  const auto add = [&](const json& row, const std::string& where) -> Status {
    ELM_ASSIGN_OR_RETURN(Task task, FromRow(row, where));
    if (answerable && AsksNothing(task)) {
      collector.LeaveOut(where, "its question is one of its options");
      return Status::Ok();
    }
    return collector.Add(where, std::move(task));
  };
  ELM_RETURN_IF_ERROR(VisitJsonArray(text, path, add));
  return std::move(collector).Finish();
}

}  // namespace

Result<PublicTasks> ReadElastilm(const std::string& path) {
  return ReadTrace("elastilm", path, /*answerable=*/true);
}

Result<PublicTasks> ReadElastilmTrace(const std::string& path) {
  return ReadTrace("elastilm-trace", path, /*answerable=*/false);
}

}  // namespace elm
