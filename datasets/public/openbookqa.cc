#include <utility>
#include <vector>

#include "datasets/public/choice_rows.h"
#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"
#include "formats/base/printable.h"
#include "formats/base/text_lines.h"

namespace elm {
namespace {

struct Columns {
  size_t id = 0;
  size_t stem = 0;
  size_t choices = 0;  // "(A) .. (B) .. (C) .. (D) .."
  size_t key = 0;      // letter
  size_t count = 0;
};

Result<Columns> FindColumns(const TextLine& header, const std::string& path) {
  const std::vector<std::string> names = SplitTabs(header.text);
  const std::string where = StrCat(path, ":", header.number);
  Columns columns;
  columns.count = names.size();
  ELM_ASSIGN_OR_RETURN(columns.id, FindColumn(names, "ID", where));
  ELM_ASSIGN_OR_RETURN(columns.stem, FindColumn(names, "Question Stem", where));
  ELM_ASSIGN_OR_RETURN(columns.choices, FindColumn(names, "Choices", where));
  ELM_ASSIGN_OR_RETURN(columns.key, FindColumn(names, "Answer Key", where));
  return columns;
}

Result<Task> FromLine(const TextLine& line, const Columns& columns, const std::string& where) {
  const std::vector<std::string> fields = SplitTabs(line.text);
  if (fields.size() != columns.count) {
    return Corruption(where, ": has ", fields.size(), " fields, expected ", columns.count,
                      " with tabs between");
  }
  Task task;
  task.id = fields[columns.id];
  task.question = fields[columns.stem];
  task.options = SplitAtMarks(fields[columns.choices], "(", 'A', ") ");
  if (task.options.empty()) {
    return Corruption(where, ": Choices is ", Printable(fields[columns.choices]),
                      ", expected \"(A) ... (B) ...\"");
  }
  ELM_ASSIGN_OR_RETURN(const size_t right,
                       LetterIndex(fields[columns.key], task.options.size(), where));
  task.answer = task.options[right];
  return task;
}

Status AddTable(std::string_view text, const std::string& path, TaskCollector& collector) {
  ELM_ASSIGN_OR_RETURN(const std::vector<TextLine> lines, SplitLines(text, path));
  if (lines.empty()) return Status::Ok();
  ELM_ASSIGN_OR_RETURN(const Columns columns, FindColumns(lines.front(), path));
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].text.empty()) continue;
    const std::string where = StrCat(path, ":", lines[i].number);
    ELM_ASSIGN_OR_RETURN(Task task, FromLine(lines[i], columns, where));
    ELM_RETURN_IF_ERROR(collector.Add(where, std::move(task)));
  }
  return Status::Ok();
}

}  // namespace

Result<PublicTasks> ReadOpenBookQa(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  TaskCollector collector("openbookqa", path);
  const size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const bool is_json = start != text.npos && (text[start] == '[' || text[start] == '{');
  ELM_RETURN_IF_ERROR(is_json ? AddChoiceRows(text, path, collector)
                              : AddTable(text, path, collector));
  return std::move(collector).Finish();
}

}  // namespace elm
