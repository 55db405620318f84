#include "formats/model/latency_json.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "formats/base/mapped_file.h"
#include "formats/base/printable.h"
#include "formats/json/json_text.h"
#include "formats/model/level_table.h"

namespace elm {
namespace {

using nlohmann::json;

std::string HashText(uint64_t hash) { return StrCat("0x", std::hex, hash); }

Result<uint64_t> ParseHash(const JsonFields& fields) {
  ELM_ASSIGN_OR_RETURN(const std::string text, fields.Text("bundle_hash"));
  uint64_t hash = 0;
  const char* end = text.data() + text.size();
  if (text.starts_with("0x")) {
    const auto parsed = std::from_chars(text.data() + 2, end, hash, 16);
    if (parsed.ec == std::errc() && parsed.ptr == end && text.size() > 2) return hash;
  }
  return Corruption(fields.name(), ": bundle_hash is ", Printable(text),
                    ", expected 0x and up to 16 hexadecimal digits");
}

const json* FindList(const JsonFields& fields, const char* key) {
  const json* value = fields.Find(key);
  return value != nullptr && value->is_array() ? value : nullptr;
}

Status NoList(const JsonFields& fields, const char* key, const char* of) {
  const json* value = fields.Find(key);
  return Corruption(fields.name(), ": ", key, " is ",
                    value == nullptr ? "missing" : PrintableJson(*value), ", expected a list of ",
                    of);
}

Result<std::vector<uint32_t>> Counts(const JsonFields& fields, const char* key) {
  const json* list = FindList(fields, key);
  if (list == nullptr) return NoList(fields, key, "whole numbers");
  std::vector<uint32_t> counts;
  for (const json& item : *list) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > UINT32_MAX) {
      return Corruption(fields.name(), ": ", key, " holds ", PrintableJson(item),
                        ", expected whole numbers of 32 bits");
    }
    counts.push_back(item.get<uint32_t>());
  }
  return counts;
}

Result<std::vector<double>> NumbersOf(const JsonFields& fields, const char* key, const json& list) {
  std::vector<double> numbers;
  for (const json& item : list) {
    if (!item.is_number()) {
      return Corruption(fields.name(), ": ", key, " holds ", PrintableJson(item),
                        ", expected numbers");
    }
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

Result<std::vector<double>> Numbers(const JsonFields& fields, const char* key) {
  const json* list = FindList(fields, key);
  if (list == nullptr) return NoList(fields, key, "numbers");
  return NumbersOf(fields, key, *list);
}

Result<std::vector<std::vector<double>>> Rows(const JsonFields& fields, const char* key) {
  const json* list = FindList(fields, key);
  if (list == nullptr) return NoList(fields, key, "lists of numbers, one for each level");
  std::vector<std::vector<double>> rows;
  for (const json& row : *list) {
    if (!row.is_array()) return NoList(fields, key, "lists of numbers, one for each level");
    ELM_ASSIGN_OR_RETURN(rows.emplace_back(), NumbersOf(fields, key, row));
  }
  return rows;
}

Result<std::vector<uint32_t>> Levels(const JsonFields& fields) {
  ELM_ASSIGN_OR_RETURN(const std::vector<std::string> names, fields.Texts("levels"));
  std::vector<uint32_t> levels;
  for (const std::string& name : names) {
    const std::optional<uint32_t> permille = ParseLevelName(name);
    if (!permille) {
      return Corruption(fields.name(), ": levels holds ", Printable(name),
                        ", expected names such as 0.5");
    }
    levels.push_back(*permille);
  }
  return levels;
}

// The object under `key`.
Result<const json*> Section(const JsonFields& fields, const char* key) {
  const json* value = fields.Find(key);
  if (value != nullptr && value->is_object()) return value;
  return Corruption(fields.name(), ": ", key, " is ",
                    value == nullptr ? "missing" : PrintableJson(*value), ", expected an object");
}

Status CheckSchema(const JsonFields& fields) {
  ELM_ASSIGN_OR_RETURN(const std::string schema, fields.Text("schema"));
  if (schema != kLatencySchema) {
    return Corruption(fields.name(), ": schema is ", Printable(schema), ", expected \"",
                      kLatencySchema, "\"; `elm calibrate` writes such files");
  }
  ELM_ASSIGN_OR_RETURN(const uint32_t version, fields.Count("schema_version"));
  if (version == kLatencySchemaVersion) return Status::Ok();
  return Unsupported(fields.name(), ": schema_version is ", version, ", this program reads ",
                     kLatencySchemaVersion, "; calibrate again");
}

Status ParseTtft(const JsonFields& fields, LatencyTable& table) {
  ELM_ASSIGN_OR_RETURN(const json* object, Section(fields, "ttft"));
  const JsonFields section(*object, fields.name() + ": ttft");
  ELM_RETURN_IF_ERROR(section.OnlyKeys({"tokens", "ms"}));
  ELM_ASSIGN_OR_RETURN(table.ttft_tokens, Counts(section, "tokens"));
  ELM_ASSIGN_OR_RETURN(table.ttft_ms, Rows(section, "ms"));
  return Status::Ok();
}

Status ParseTpot(const JsonFields& fields, LatencyTable& table) {
  ELM_ASSIGN_OR_RETURN(const json* object, Section(fields, "tpot"));
  const JsonFields section(*object, fields.name() + ": tpot");
  ELM_RETURN_IF_ERROR(section.OnlyKeys({"context", "ms"}));
  ELM_ASSIGN_OR_RETURN(table.tpot_context, Counts(section, "context"));
  ELM_ASSIGN_OR_RETURN(table.tpot_ms, Rows(section, "ms"));
  return Status::Ok();
}

Status ParseTlm(const JsonFields& fields, LatencyTable& table) {
  if (fields.Find("tlm") == nullptr) return Status::Ok();
  ELM_ASSIGN_OR_RETURN(const json* object, Section(fields, "tlm"));
  const JsonFields section(*object, fields.name() + ": tlm");
  ELM_RETURN_IF_ERROR(section.OnlyKeys({"tokens", "ms"}));
  ELM_ASSIGN_OR_RETURN(table.tlm_tokens, Counts(section, "tokens"));
  ELM_ASSIGN_OR_RETURN(table.tlm_ms, Numbers(section, "ms"));
  return Status::Ok();
}

// A number that must be there.
Result<double> Number(const JsonFields& fields, const char* key) {
  if (fields.Find(key) == nullptr) return Corruption(fields.name(), ": ", key, " is missing");
  return fields.Number(key, 0);
}

}  // namespace

std::string LatencyJson(const LatencyTable& table) {
  nlohmann::ordered_json levels = nlohmann::ordered_json::array();
  for (const uint32_t permille : table.level_permille) levels.push_back(LevelName(permille));
  // Key by key: a nested initializer list costs a program hundreds of bytes for each.
  nlohmann::ordered_json object;
  object["schema"] = kLatencySchema;
  object["schema_version"] = kLatencySchemaVersion;
  object["name"] = table.name;
  object["bundle_hash"] = HashText(table.bundle_hash);
  object["levels"] = std::move(levels);
  object["ttft"]["tokens"] = table.ttft_tokens;
  object["ttft"]["ms"] = table.ttft_ms;
  object["tpot"]["context"] = table.tpot_context;
  object["tpot"]["ms"] = table.tpot_ms;
  object["tlm"] = nullptr;
  if (!table.tlm_tokens.empty()) {
    object["tlm"]["tokens"] = table.tlm_tokens;
    object["tlm"]["ms"] = table.tlm_ms;
  }
  object["selection_ms_per_kilotoken"] = table.selection_ms_per_kilotoken;
  object["switch_ms"] = table.switch_ms;
  object["margin"] = table.margin;
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<LatencyTable> ParseLatencyJson(std::string_view text, const std::string& name) {
  ELM_ASSIGN_OR_RETURN(const json object, ParseJson(text, name));
  if (!object.is_object()) return Corruption(name, ": not a JSON object, expected a latency table");
  const JsonFields fields(object, name);
  ELM_RETURN_IF_ERROR(CheckSchema(fields));
  ELM_RETURN_IF_ERROR(
      fields.OnlyKeys({"schema", "schema_version", "name", "bundle_hash", "levels", "ttft", "tpot",
                       "tlm", "selection_ms_per_kilotoken", "switch_ms", "margin"}));
  LatencyTable table;
  ELM_ASSIGN_OR_RETURN(table.name, fields.Text("name"));
  ELM_ASSIGN_OR_RETURN(table.bundle_hash, ParseHash(fields));
  ELM_ASSIGN_OR_RETURN(table.level_permille, Levels(fields));
  ELM_RETURN_IF_ERROR(ParseTtft(fields, table));
  ELM_RETURN_IF_ERROR(ParseTpot(fields, table));
  ELM_RETURN_IF_ERROR(ParseTlm(fields, table));
  ELM_ASSIGN_OR_RETURN(table.selection_ms_per_kilotoken,
                       Number(fields, "selection_ms_per_kilotoken"));
  ELM_ASSIGN_OR_RETURN(table.switch_ms, Number(fields, "switch_ms"));
  ELM_ASSIGN_OR_RETURN(table.margin, Number(fields, "margin"));
  ELM_RETURN_IF_ERROR(Validate(table).In(name));
  return table;
}

Result<LatencyTable> ReadLatencyFile(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kLargestLatencyFile));
  return ParseLatencyJson(text, path);
}

}  // namespace elm
