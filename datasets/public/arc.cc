#include "datasets/public/choice_rows.h"
#include "datasets/public/readers.h"
#include "datasets/public/row_text.h"

namespace elm {

Result<PublicTasks> ReadArc(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadSetFile(path));
  TaskCollector collector("arc", path);
  ELM_RETURN_IF_ERROR(AddChoiceRows(text, path, collector));
  return std::move(collector).Finish();
}

}  // namespace elm
