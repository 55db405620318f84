// Sets that are JSON Lines with a task in each.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "datasets/public/public_sets.h"

namespace elm {

using TaskFromRow = Result<Task> (*)(const nlohmann::json& row, const std::string& where);

Result<PublicTasks> ReadJsonLinesSet(const std::string& set, const std::string& path,
                                     TaskFromRow from_row);

}  // namespace elm
