#include "toolchain/trace/trace_results_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/json_reader.h"
#include "toolchain/trace/trace_summary.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr uint64_t kMostResultsBytes = uint64_t{1} << 30;
constexpr std::array kRoles = {PolicyRole::kOurs, PolicyRole::kBaseline, PolicyRole::kOther};

// ---- Cells: {"right": ["600/400"], "wrong": []}

json CellsJson(const TraceCase::Cells& cells) {
  json object = {{"right", json::array()}, {"wrong", json::array()}};
  for (const auto& [pair, right] : cells) {
    object[right ? "right" : "wrong"].push_back(StrCat(pair.first, "/", pair.second));
  }
  return object;
}

std::pair<uint32_t, uint32_t> ParsePair(const std::string& text, const std::string& where) {
  std::pair<uint32_t, uint32_t> pair;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, pair.first);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '/') {
    const auto second = std::from_chars(first.ptr + 1, end, pair.second);
    if (second.ec == std::errc() && second.ptr == end) return pair;
  }
  throw Error(Corruption(where, ": is ", PrintableJson(text),
                         ", expected thousandths of prompt and model, such as 600/400"));
}

TraceCase::Cells ParseCells(const JsonReader& reader, const char* key) {
  TraceCase::Cells cells;
  if (!reader.Has(key)) return cells;
  const JsonReader object = reader.Object(key);
  for (const bool right : {true, false}) {
    const char* name = right ? "right" : "wrong";
    for (const auto& text : object.Get<std::vector<std::string>>(name)) {
      const std::string where = StrCat(object.where(), ": ", name);
      if (!cells.try_emplace(ParsePair(text, where), right).second) {
        throw Error(Corruption(where, ": ", text, " stands twice"));
      }
    }
  }
  return cells;
}

// ---- Set-up (b)

json AnswerJson(const PolicyAnswer& answer) {
  return {{"prompt", answer.prompt_permille}, {"model", answer.model_permille},
          {"tokens", answer.tokens},          {"ttft_ms", answer.ttft_ms},
          {"tpot_ms", answer.tpot_ms},        {"met", answer.met},
          {"correct", answer.correct}};
}

PolicyAnswer ParseAnswer(const JsonReader& reader) {
  return {.prompt_permille = reader.Get<uint32_t>("prompt"),
          .model_permille = reader.Get<uint32_t>("model"),
          .tokens = reader.Get<uint32_t>("tokens"),
          .ttft_ms = reader.Get<double>("ttft_ms"),
          .tpot_ms = reader.Get<double>("tpot_ms"),
          .met = reader.Get<bool>("met"),
          .correct = reader.Get<bool>("correct")};
}

json CaseJson(const TraceCase& one) {
  json object = {{"app", one.app},
                 {"slo", one.slo},
                 {"family", one.family},
                 {"task", one.task},
                 {"task_hash", one.task_hash},
                 {"ttft_limit_ms", one.ttft_limit_ms},
                 {"tpot_limit_ms", one.tpot_limit_ms},
                 {"full_tokens", one.full_tokens},
                 {"tlm_tokens", one.tlm_tokens},
                 {"feasible_pairs", one.feasible_pairs},
                 {"answers", json::object()}};
  for (const auto& [policy, answer] : one.answers) object["answers"][policy] = AnswerJson(answer);
  if (!one.cells.empty()) object["cells"] = CellsJson(one.cells);
  if (!one.reworded.empty()) object["reworded"] = CellsJson(one.reworded);
  if (!one.sparse.empty()) object["sparse"] = CellsJson(one.sparse);
  return object;
}

TraceCase ParseCase(const JsonReader& reader, const std::vector<TracePolicy>& policies) {
  TraceCase one;
  one.app = reader.Get<std::string>("app");
  one.slo = reader.Get<std::string>("slo");
  one.family = reader.Get<std::string>("family");
  one.task = reader.Get<std::string>("task");
  one.task_hash = reader.Get<std::string>("task_hash");
  one.ttft_limit_ms = reader.Get<double>("ttft_limit_ms");
  one.tpot_limit_ms = reader.Get<double>("tpot_limit_ms");
  one.full_tokens = reader.Get<uint32_t>("full_tokens");
  one.tlm_tokens = reader.Get<uint32_t>("tlm_tokens");
  one.feasible_pairs = reader.Get<uint32_t>("feasible_pairs");
  const JsonReader answers = reader.Object("answers");
  for (const TracePolicy& policy : policies) {
    if (!answers.Has(policy.name.c_str())) continue;
    const JsonReader row = answers.Object(policy.name.c_str());
    const PolicyAnswer answer = ParseAnswer(row);
    if (answer.met && one.feasible_pairs == 0) {
      throw Error(Corruption(row.where(), ": met is true, but no pair of levels was feasible"));
    }
    one.answers[policy.name] = answer;
  }
  one.cells = ParseCells(reader, "cells");
  one.reworded = ParseCells(reader, "reworded");
  one.sparse = ParseCells(reader, "sparse");
  return one;
}

json PolicyJson(const TracePolicy& policy) {
  return {{"name", policy.name},
          {"title", policy.title},
          {"role", PolicyRoleName(policy.role)},
          {"table", policy.table},
          {"note", policy.note}};
}

TracePolicy ParsePolicy(const JsonReader& reader) {
  const auto role = reader.Get<std::string>("role");
  const auto found = std::find_if(kRoles.begin(), kRoles.end(),
                                  [&](PolicyRole one) { return role == PolicyRoleName(one); });
  if (found == kRoles.end()) {
    throw Error(
        Corruption(reader.where(), ": role is ", role, ", expected ours, baseline or other"));
  }
  return {.name = reader.Get<std::string>("name"),
          .title = reader.Get<std::string>("title"),
          .role = *found,
          .table = reader.Get<std::string>("table"),
          .note = reader.Get<std::string>("note")};
}

// Alpha and seed of a trace.
template <typename T>
json OriginJson(const T& trace) {
  json object = json::object();
  if (trace.alpha) object["alpha"] = *trace.alpha;
  if (trace.seed) object["seed"] = *trace.seed;
  return object;
}

template <typename T>
void ParseOrigin(const JsonReader& reader, T& trace) {
  if (reader.Has("alpha")) trace.alpha = reader.Get<double>("alpha");
  if (reader.Has("seed")) trace.seed = reader.Get<uint64_t>("seed");
}

json EstimateJson(const Estimate& estimate) {
  json object = {{"value", estimate.value}, {"standard_error", nullptr}};
  if (!std::isnan(estimate.standard_error)) object["standard_error"] = estimate.standard_error;
  return object;
}

json AttainmentJson(const Attainment& attainment) {
  return {{"met", attainment.met},
          {"feasible", attainment.feasible},
          {"all", attainment.all},
          {"of_feasible", attainment.share()},
          {"of_all", attainment.of_all()}};
}

json SummaryJson(const EconomicsResults& results) {
  json groups = json::array();
  for (const GroupSummary& group : Summarise(results)) {
    json object = {{"traces", group.traces}, {"requests", group.requests}};
    if (group.alpha) object["alpha"] = *group.alpha;
    for (const PolicySummary& policy : group.policies) {
      json row = {{"policy", policy.name},
                  {"accuracy", EstimateJson(policy.accuracy)},
                  {"right_in_time", EstimateJson(policy.in_time)},
                  {"attainment", AttainmentJson(policy.attainment)}};
      if (policy.role != PolicyRole::kOurs) row["ours_minus_this"] = EstimateJson(policy.lead);
      object["policies"].push_back(std::move(row));
    }
    groups.push_back(std::move(object));
  }
  return groups;
}

json EconomicsJson(const EconomicsResults& results) {
  json object = {{"table", results.table},
                 {"table_hash", results.table_hash},
                 {"baselines_hash", results.baselines_hash},
                 {"engine", results.engine},
                 {"output_tokens", results.output_tokens},
                 {"policies", json::array()},
                 {"cases", json::array()},
                 {"traces", json::array()}};
  for (const TracePolicy& policy : results.policies) {
    object["policies"].push_back(PolicyJson(policy));
  }
  for (const TraceCase& one : results.cases) object["cases"].push_back(CaseJson(one));
  for (const PlayedTrace& trace : results.traces) {
    json row = OriginJson(trace);
    row["requests"] = trace.cases;
    object["traces"].push_back(std::move(row));
  }
  if (results.finished()) object["summary"] = SummaryJson(results);
  return object;
}

EconomicsResults ParseEconomics(const JsonReader& reader) {
  EconomicsResults results;
  results.table = reader.Get<std::string>("table");
  results.table_hash = reader.Get<std::string>("table_hash");
  results.baselines_hash = reader.Get<std::string>("baselines_hash");
  results.engine = reader.Get<std::string>("engine");
  results.output_tokens = reader.Get<uint32_t>("output_tokens");
  for (const JsonReader& row : reader.List("policies")) {
    results.policies.push_back(ParsePolicy(row));
  }
  for (const JsonReader& row : reader.List("cases")) {
    results.cases.push_back(ParseCase(row, results.policies));
  }
  for (const JsonReader& row : reader.List("traces")) {
    PlayedTrace trace;
    ParseOrigin(row, trace);
    trace.cases = row.Get<std::vector<uint32_t>>("requests");
    for (const uint32_t index : trace.cases) {
      if (index < results.cases.size()) continue;
      throw Error(Corruption(row.where(), ": requests holds ", index, ", but there are ",
                             results.cases.size(), " cases"));
    }
    results.traces.push_back(std::move(trace));
  }
  return results;
}

// ---- Set-up (a)

// Every field of a request, in one place for both directions.
template <typename Visit>
void VisitFields(auto& request, const Visit& visit) {
  visit("app", request.app);
  visit("family", request.family);
  visit("task", request.task);
  visit("arrival_s", request.arrival_s);
  visit("wait_ms", request.wait_ms);
  visit("ttft_limit_ms", request.ttft_limit_ms);
  visit("tpot_limit_ms", request.tpot_limit_ms);
  visit("feasible", request.feasible);
  visit("prompt", request.prompt_permille);
  visit("model", request.model_permille);
  visit("decided_by", request.decided_by);
  visit("full_tokens", request.full_tokens);
  visit("tokens", request.tokens);
  visit("predicted_ttft_ms", request.predicted_ttft_ms);
  visit("predicted_tpot_ms", request.predicted_tpot_ms);
  visit("ttft_ms", request.ttft_ms);
  visit("tlm_ms", request.tlm_ms);
  visit("selection_ms", request.selection_ms);
  visit("switch_ms", request.switch_ms);
  visit("prefill_ms", request.prefill_ms);
  visit("tpot_ms", request.tpot_ms);
  visit("met", request.met);
  visit("correct", request.correct);
}

json DeviceJson(const DeviceResults& results) {
  json object = {{"table", results.table},
                 {"table_hash", results.table_hash},
                 {"output_tokens", results.output_tokens},
                 {"traces", json::array()},
                 {"summary", json::array()}};
  for (const DeviceTrace& trace : results.traces) {
    json row = OriginJson(trace);
    row["requests"] = json::array();
    for (const DeviceRequest& request : trace.requests) {
      json fields;
      VisitFields(request, [&](const char* key, const auto& value) { fields[key] = value; });
      row["requests"].push_back(std::move(fields));
    }
    object["traces"].push_back(std::move(row));
  }
  for (const DeviceSummary& summary : Summarise(results)) {
    json row = {{"requests", summary.requests},
                {"accuracy", EstimateJson(summary.accuracy)},
                {"attainment", AttainmentJson(summary.attainment)},
                {"measured_over_predicted",
                 {{"ttft_median", summary.ttft_median},
                  {"ttft_p95", summary.ttft_p95},
                  {"tpot_median", summary.tpot_median},
                  {"tpot_p95", summary.tpot_p95}}},
                {"tlm_share_of_ttft", summary.tlm_share},
                {"wait_p95_ms", summary.wait_p95_ms}};
    if (summary.alpha) row["alpha"] = *summary.alpha;
    object["summary"].push_back(std::move(row));
  }
  return object;
}

DeviceResults ParseDevice(const JsonReader& reader) {
  DeviceResults results;
  results.table = reader.Get<std::string>("table");
  results.table_hash = reader.Get<std::string>("table_hash");
  results.output_tokens = reader.Get<uint32_t>("output_tokens");
  for (const JsonReader& row : reader.List("traces")) {
    DeviceTrace trace;
    ParseOrigin(row, trace);
    for (const JsonReader& fields : row.List("requests")) {
      DeviceRequest request;
      VisitFields(request,
                  [&]<typename T>(const char* key, T& value) { value = fields.Get<T>(key); });
      if (request.met && !request.feasible) {
        throw Error(
            Corruption(fields.where(), ": met is true, but no pair of levels was feasible"));
      }
      trace.requests.push_back(std::move(request));
    }
    results.traces.push_back(std::move(trace));
  }
  return results;
}

}  // namespace

const char* PolicyRoleName(PolicyRole role) {
  switch (role) {
    case PolicyRole::kOurs:
      return "ours";
    case PolicyRole::kBaseline:
      return "baseline";
    case PolicyRole::kOther:
      return "other";
  }
  return "unknown";
}

bool EconomicsResults::finished() const {
  return !policies.empty() && !traces.empty() &&
         std::all_of(cases.begin(), cases.end(), [&](const TraceCase& one) {
           return std::all_of(policies.begin(), policies.end(), [&](const TracePolicy& policy) {
             return one.answers.count(policy.name) > 0;
           });
         });
}

json ToJson(const TraceResults& results) {
  json object = {{"schema", kTraceResultsSchema},
                 {"schema_version", kTraceResultsSchemaVersion},
                 {"tool_version", results.tool_version},
                 {"bundle_hash", results.bundle_hash},
                 {"traces_hash", results.traces_hash}};
  if (results.device) object["device"] = DeviceJson(*results.device);
  if (results.economics) object["economics"] = EconomicsJson(*results.economics);
  return object;
}

TraceResults ParseTraceResults(const json& value, const std::string& name) {
  const JsonReader reader(value, name);
  const auto schema = reader.Get<std::string>("schema");
  if (schema != kTraceResultsSchema) {
    throw Error(Corruption(name, ": schema is ", schema, ", expected ", kTraceResultsSchema,
                           "; give a file that `elmc trace run --json` wrote"));
  }
  const auto version = reader.Get<uint32_t>("schema_version");
  if (version != kTraceResultsSchemaVersion) {
    throw Error(Unsupported(name, ": schema version is ", version, ", this program reads ",
                            kTraceResultsSchemaVersion));
  }
  TraceResults results;
  results.tool_version = reader.Get<std::string>("tool_version");
  results.bundle_hash = reader.Get<std::string>("bundle_hash");
  results.traces_hash = reader.Get<std::string>("traces_hash");
  if (reader.Has("device")) results.device = ParseDevice(reader.Object("device"));
  if (reader.Has("economics")) results.economics = ParseEconomics(reader.Object("economics"));
  return results;
}

void WriteTraceResults(const std::string& path, const TraceResults& results) {
  WriteJsonFile(path, ToJson(results));
}

TraceResults ReadTraceResults(const std::string& path) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostResultsBytes));
  return ParseTraceResults(ValueOrThrow(ParseJson(text, path)), path);
}

}  // namespace elm
