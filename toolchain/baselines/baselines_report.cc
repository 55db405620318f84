#include "toolchain/baselines/baselines_report.h"

#include <algorithm>

#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/eval/eval_report_json.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr uint64_t kMostReportBytes = uint64_t{1} << 28;

template <typename T>
T Get(const json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error(Corruption(where, ": ", key, " is missing"));
  try {
    return found->get<T>();
  } catch (const json::exception&) {
    throw Error(Corruption(where, ": ", key, " is ", PrintableJson(*found),
                           ", which is of the wrong type"));
  }
}

void RequireObject(const json& value, const std::string& where) {
  if (!value.is_object()) throw Error(Corruption(where, ": is not a JSON object"));
}

void CheckSchema(const json& object, const std::string& name) {
  const auto schema = Get<std::string>(object, "schema", name);
  if (schema != kBaselinesSchema) {
    throw Error(Corruption(name, ": schema is ", schema, ", expected ", kBaselinesSchema,
                           "; give a file that `elmc baselines --json` wrote"));
  }
  const auto version = Get<uint32_t>(object, "schema_version", name);
  if (version == kBaselinesSchemaVersion) return;
  throw Error(Unsupported(name, ": schema version is ", version, ", this program reads ",
                          kBaselinesSchemaVersion));
}

BaselineEntry ParseEntry(const json& object, const std::string& where) {
  RequireObject(object, where);
  BaselineEntry entry;
  entry.method = Get<std::string>(object, "method", where);
  if (entry.method.empty()) throw Error(Corruption(where, ": method is empty"));
  const auto table = Get<std::string>(object, "table", where);
  const std::optional<BaselineTable> parsed = ParseBaselineTable(table);
  if (!parsed) throw Error(Corruption(where, ": table is ", table, ", expected a or b"));
  entry.table = *parsed;
  entry.recovery_tokens = Get<uint64_t>(object, "recovery_tokens", where);
  entry.note = Get<std::string>(object, "note", where);
  entry.made_from = Get<std::string>(object, "made_from", where);
  for (const json& level : object.value("level_notes", json::array())) {
    RequireObject(level, where + ": level_notes");
    entry.level_notes[Get<uint32_t>(level, "name_permille", where)] =
        Get<std::string>(level, "note", where);
  }
  if (!object.contains("report")) throw Error(Corruption(where, ": report is missing"));
  entry.report = ParseEvalReport(object["report"], where + ": report");
  return entry;
}

bool SameQuestions(const EvalReport& a, const EvalReport& b) {
  return a.conditions == b.conditions && a.families == b.families && a.texts == b.texts;
}

}  // namespace

const char* BaselineTableName(BaselineTable table) {
  return table == BaselineTable::kPublished ? "a" : "b";
}

std::optional<BaselineTable> ParseBaselineTable(std::string_view name) {
  if (name == "a") return BaselineTable::kPublished;
  if (name == "b") return BaselineTable::kSameRecovery;
  return std::nullopt;
}

const BaselineEntry* BaselinesReport::Find(std::string_view method, BaselineTable table) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const BaselineEntry& entry) {
    return entry.method == method && entry.table == table;
  });
  return found == entries.end() ? nullptr : &*found;
}

json ToJson(const BaselinesReport& report) {
  json result = {{"schema", kBaselinesSchema},
                 {"schema_version", kBaselinesSchemaVersion},
                 {"methods", json::array()}};
  for (const BaselineEntry& entry : report.entries) {
    json notes = json::array();
    for (const auto& [name, note] : entry.level_notes) {
      notes.push_back({{"name_permille", name}, {"note", note}});
    }
    result["methods"].push_back({{"method", entry.method},
                                 {"table", BaselineTableName(entry.table)},
                                 {"recovery_tokens", entry.recovery_tokens},
                                 {"note", entry.note},
                                 {"level_notes", std::move(notes)},
                                 {"made_from", entry.made_from},
                                 {"report", ToJson(entry.report)}});
  }
  return result;
}

BaselinesReport ParseBaselines(const json& value, const std::string& name) {
  RequireObject(value, name);
  CheckSchema(value, name);
  if (!value.contains("methods") || !value["methods"].is_array()) {
    throw Error(Corruption(name, ": methods is not a list"));
  }
  BaselinesReport report;
  for (size_t i = 0; i < value["methods"].size(); ++i) {
    const std::string where = StrCat(name, ": methods[", i, "]");
    BaselineEntry entry = ParseEntry(value["methods"][i], where);
    if (report.Find(entry.method, entry.table) != nullptr) {
      throw Error(Corruption(where, ": ", entry.method, " is twice in table ",
                             BaselineTableName(entry.table)));
    }
    if (i > 0 && !SameQuestions(entry.report, report.entries.front().report)) {
      throw Error(Corruption(where, ": ", entry.method, " answered other questions than ",
                             report.entries.front().method));
    }
    report.entries.push_back(std::move(entry));
  }
  return report;
}

void WriteBaselines(const std::string& path, const BaselinesReport& report) {
  WriteJsonFile(path, ToJson(report));
}

BaselinesReport ReadBaselines(const std::string& path) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostReportBytes));
  return ParseBaselines(ValueOrThrow(ParseJson(text, path)), path);
}

}  // namespace elm
