// What the bench of baselines found: one evaluation for each method in each table.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "toolchain/eval/eval_report.h"

namespace elm {

inline constexpr char kBaselinesSchema[] = "elm-baselines";
inline constexpr uint32_t kBaselinesSchemaVersion = 1;

// Methods beside those of BaselineMethods().
inline constexpr std::string_view kElasticMethod = "elastic";  // this project's own
inline constexpr std::string_view kSiblingsMethod = "pfs";     // models trained from scratch

enum class BaselineTable {
  kPublished,     // "a": each as it was published
  kSameRecovery,  // "b": the same recovery for all that can be recovered
};
const char* BaselineTableName(BaselineTable table);
std::optional<BaselineTable> ParseBaselineTable(std::string_view name);

struct BaselineEntry {
  std::string method;  // "shortgpt"
  BaselineTable table = BaselineTable::kPublished;
  uint64_t recovery_tokens = 0;  // that each level's adapter, or predictor, learnt from
  // What it is and where it deviates, for people.
  std::string note = {};
  std::map<uint32_t, std::string> level_notes = {};  // of those that have one, by name_permille
  std::string made_from = {};  // hash of everything that decides the levels, but for their names
  // Levels ascending, each with the share that it reached; "1.0" is the whole model.
  EvalReport report = {};

  bool operator==(const BaselineEntry&) const = default;
};

struct BaselinesReport {
  std::vector<BaselineEntry> entries;  // no method twice in one table

  bool operator==(const BaselinesReport&) const = default;
  const BaselineEntry* Find(std::string_view method, BaselineTable table) const;
};

nlohmann::json ToJson(const BaselinesReport& report);

// The inverse. `name` says in messages what was read. Throws elm::Error: another schema, a newer
// version, a field that is missing or of the wrong type, a table that does not exist, a method
// twice in one table, evaluations that are not of the same questions, and whatever
// ParseEvalReport() does not accept.
BaselinesReport ParseBaselines(const nlohmann::json& json, const std::string& name);

// Files; writing is atomic.
void WriteBaselines(const std::string& path, const BaselinesReport& report);
BaselinesReport ReadBaselines(const std::string& path);

}  // namespace elm
