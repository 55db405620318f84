// Files of rows: JSON Lines, and JSON arrays. Every row is handed on with the place it stands at,
// so that whoever reads it can say which one is bad.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "formats/base/status.h"

namespace elm {

// `where` is "<name>:<line>", counted from 1. What it returns ends the visit unless it is ok.
using JsonRowVisitor = std::function<Status(const nlohmann::json& row, const std::string& where)>;

// One object per line; lines end in "\n" or "\r\n", a byte order mark and blank lines are skipped.
// Refuses what is not UTF-8, not JSON or not an object. Holds one parsed row at a time.
Status VisitJsonLines(std::string_view text, const std::string& name, const JsonRowVisitor& visit);

// One array; `where` is "<name>:<line>: row <number>" with the line that the row begins in.
Status VisitJsonArray(std::string_view text, const std::string& name, const JsonRowVisitor& visit);

}  // namespace elm
