// JSON reports in the workspace.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace elm {

// Throws elm::Error that names the file when it is missing or not JSON.
nlohmann::json ReadJsonFile(const std::string& path);
// Atomic, indented, with a final line end.
void WriteJsonFile(const std::string& path, const nlohmann::json& json);

// Throws elm::Error where `path` holds a report with another "schema", which must not be replaced
// by one with `schema`. A file that is not there, or no report at all, may be.
void RefuseOtherSchema(const std::string& path, const std::string& schema);

}  // namespace elm
