// A trace as a file: JSON that people read and write; docs/traces.md describes it field by field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "formats/base/status.h"
#include "toolchain/trace/trace.h"

namespace elm {

inline constexpr char kTraceSchema[] = "elm-trace";
inline constexpr uint32_t kTraceSchemaVersion = 1;

nlohmann::json ToJson(const Trace& trace);

// The inverse. `name` says in messages what was read; a bad row is named with its field:
// "trace.json: requests[12]: task is ..., expected ...". Refuses what ToJson() would not write:
// unknown keys, apps without a valid SLO, tasks that are not valid (one with a single option among
// them), requests that do not ascend in arrival or name an app or a task that is not there.
Result<Trace> ParseTrace(const nlohmann::json& json, const std::string& name);

// Files; writing is atomic. Throw elm::Error.
void WriteTrace(const std::string& path, const Trace& trace);
Trace ReadTrace(const std::string& path);

}  // namespace elm
