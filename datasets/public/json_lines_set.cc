#include "datasets/public/json_lines_set.h"

#include <utility>

#include "datasets/public/row_text.h"
#include "datasets/public/task_collector.h"
#include "formats/json/json_rows.h"

namespace elm {

Result<PublicTasks> ReadJsonLinesSet(const std::string& set, const std::string& path,
                                     TaskFromRow from_row) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  TaskCollector collector(set, path);
  const auto add = [&](const nlohmann::json& row, const std::string& where) -> Status {
    ELM_ASSIGN_OR_RETURN(Task task, from_row(row, where));
    return collector.Add(where, std::move(task));
  };
  ELM_RETURN_IF_ERROR(VisitJsonLines(text, path, add));
  return std::move(collector).Finish();
}

}  // namespace elm
