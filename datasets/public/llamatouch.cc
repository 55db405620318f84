#include <map>
#include <utility>
#include <vector>

#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"
#include "datasets/public/task_collector.h"
#include "formats/base/text_lines.h"

namespace elm {
namespace {

constexpr const char* kInstructions = "Choose the app for the request.";

struct Row {
  std::string where;
  std::string episode;
  std::string instruction;
  std::string app;
};

Result<std::vector<Row>> ParseRows(std::string_view text, const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::vector<TextLine> lines, SplitLines(text, path));
  std::vector<Row> rows;
  if (lines.empty()) return rows;
  const std::vector<std::string> header = SplitTabs(lines.front().text);
  const std::string header_place = StrCat(path, ":1");
  ELM_ASSIGN_OR_RETURN(const size_t episode, FindColumn(header, "episode", header_place));
  ELM_ASSIGN_OR_RETURN(const size_t instruction, FindColumn(header, "description", header_place));
  ELM_ASSIGN_OR_RETURN(const size_t app, FindColumn(header, "app", header_place));
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].text.empty()) continue;
    std::string where = StrCat(path, ":", lines[i].number);
    const std::vector<std::string> fields = SplitTabs(lines[i].text);
    if (fields.size() != header.size()) {
      return Corruption(where, ": has ", fields.size(), " fields, expected ", header.size(),
                        " with tabs between");
    }
    rows.push_back({std::move(where), fields[episode], fields[instruction], fields[app]});
  }
  return rows;
}

// Every app once, in the order of the file. Its annotators wrote some names in more than one way
// ("YouTube", "Youtube"); those must not stand against each other, so the first way is taken.
std::vector<std::string> UnifyApps(std::vector<Row>& rows, TaskCollector& collector) {
  std::vector<std::string> apps;
  std::map<std::string, std::string> spellings;  // as first written, by lower case
  for (Row& row : rows) {
    const auto [spelling, is_new] = spellings.try_emplace(LowerCase(row.app), row.app);
    if (is_new) apps.push_back(row.app);
    if (row.app != spelling->second) {
      collector.Tally("app written as in an earlier row, they differed in case alone", row.where);
    }
    row.app = spelling->second;
  }
  return apps;
}

}  // namespace

Result<PublicTasks> ReadLlamaTouch(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  ELM_ASSIGN_OR_RETURN(std::vector<Row> rows, ParseRows(text, path));
  TaskCollector collector("llamatouch", path);
  const std::vector<std::string> apps = UnifyApps(rows, collector);
  for (Row& row : rows) {
    Task task;
    task.id = std::move(row.episode);
    task.instructions = kInstructions;
    task.context = apps;
    task.question = std::move(row.instruction);
    task.options = apps;
    task.answer = std::move(row.app);
    ELM_RETURN_IF_ERROR(collector.Add(row.where, std::move(task)));
  }
  return std::move(collector).Finish();
}

}  // namespace elm
