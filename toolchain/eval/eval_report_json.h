// An evaluation as a file: docs/evaluation.md describes it field by field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "toolchain/eval/eval_report.h"

namespace elm {

inline constexpr char kEvalSchema[] = "elm-eval";
// Version 2 added bytes, levels without their adapters, rounds of latency and the machine's rates;
// files of version 1 are read as reports without them.
inline constexpr uint32_t kEvalSchemaVersion = 2;
inline constexpr uint32_t kOldestEvalSchemaVersion = 1;

// The same report gives the same JSON: no date, no path.
nlohmann::json ToJson(const EvalReport& report);

// The inverse. `name` says in messages what was read. Throws elm::Error: another schema, a newer
// version, a field that is missing or of the wrong type, lists whose lengths contradict each other,
// an accuracy or loss that is not that of its items.
EvalReport ParseEvalReport(const nlohmann::json& json, const std::string& name);

// Files; writing is atomic.
void WriteEvalReport(const std::string& path, const EvalReport& report);
EvalReport ReadEvalReport(const std::string& path);

}  // namespace elm
