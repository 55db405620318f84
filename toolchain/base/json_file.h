// JSON reports in the workspace.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace elm {

// Throws elm::Error that names the file when it is missing or not JSON.
nlohmann::json ReadJsonFile(const std::string& path);
// Atomic, indented, with a final line end.
void WriteJsonFile(const std::string& path, const nlohmann::json& json);

}  // namespace elm
