// What playing traces found, as a file: docs/traces.md describes it field by field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "toolchain/trace/trace_results.h"

namespace elm {

inline constexpr char kTraceResultsSchema[] = "elm-trace-results";
inline constexpr uint32_t kTraceResultsSchemaVersion = 1;

// Facts, and what follows from them for readers (`summary`). The same results give the same JSON.
nlohmann::json ToJson(const TraceResults& results);

// The inverse; what follows from the facts is not read. `name` says in messages what was read.
// Throws elm::Error: another schema or version, a field that is missing or of the wrong type, a
// case that is not there, a policy without an answer, an SLO that was met although it could not be.
TraceResults ParseTraceResults(const nlohmann::json& json, const std::string& name);

// Files; writing is atomic.
void WriteTraceResults(const std::string& path, const TraceResults& results);
TraceResults ReadTraceResults(const std::string& path);

}  // namespace elm
