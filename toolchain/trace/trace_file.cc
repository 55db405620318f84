#include "toolchain/trace/trace_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "datasets/load_tasks.h"
#include "datasets/task_file.h"
#include "formats/base/mapped_file.h"
#include "formats/base/printable.h"
#include "formats/base/suggest.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/trace/make_trace.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr uint64_t kMostTraceBytes = uint64_t{1} << 28;

constexpr char kAbout[] =
    "Requests of each app are in proportion to e^(alpha i), i = 0 for the strictest SLO: alpha > 0 "
    "leans to relaxed SLOs. Shares are of what the full model takes on the full prompt.";

json AppJson(const Trace& trace, size_t index) {
  const TraceApp& app = trace.apps[index];
  json object = {{"app", app.name}, {"slo", SloText(app.slo)}};
  if (!app.dataset.empty()) object["dataset"] = app.dataset;
  if (!app.families.empty()) object["families"] = app.families;
  const auto requests =
      std::count_if(trace.requests.begin(), trace.requests.end(),
                    [&](const TraceRequest& request) { return request.app == index; });
  object["requests"] = static_cast<uint32_t>(requests);
  return object;
}

// A list of `key`; absent is an empty one.
Result<std::span<const json>> ListOf(const json& object, const char* key, const std::string& name) {
  const auto found = object.find(key);
  if (found == object.end()) return std::span<const json>();
  if (!found->is_array()) {
    return Corruption(name, ": ", key, " is ", PrintableJson(*found), ", expected a list");
  }
  const auto& list = found->get_ref<const json::array_t&>();
  return std::span<const json>(list.data(), list.size());
}

Result<JsonFields> RowOf(std::span<const json> list, size_t index, const char* key,
                         const std::string& name) {
  const std::string where = StrCat(name, ": ", key, "[", index, "]");
  if (!list[index].is_object()) {
    return Corruption(where, ": is ", PrintableJson(list[index]), ", expected an object");
  }
  return JsonFields(list[index], where);
}

class TraceParser {
 public:
  TraceParser(const json& object, std::string name) : object_(object), name_(std::move(name)) {}

  Result<Trace> Parse() {
    if (!object_.is_object()) return Corruption(name_, ": is not a JSON object");
    ELM_RETURN_IF_ERROR(ParseHead());
    ELM_RETURN_IF_ERROR(ParseApps());
    ELM_RETURN_IF_ERROR(ParseTasks());
    ELM_RETURN_IF_ERROR(ParseRequests());
    ELM_RETURN_IF_ERROR(CheckCounts());
    return std::move(trace_);
  }

 private:
  Status ParseHead() {
    const JsonFields fields(object_, name_);
    ELM_ASSIGN_OR_RETURN(const std::string schema, fields.Text("schema", ""));
    if (schema != kTraceSchema) {
      return Corruption(name_, ": schema is ", Printable(schema), ", expected ", kTraceSchema,
                        "; give a file that `elmc trace make` wrote");
    }
    ELM_ASSIGN_OR_RETURN(const uint32_t version, fields.Count("schema_version"));
    if (version != kTraceSchemaVersion) {
      return Unsupported(name_, ": schema version is ", version, ", this program reads ",
                         kTraceSchemaVersion);
    }
    ELM_RETURN_IF_ERROR(fields.OnlyKeys({"schema", "schema_version", "about", "alpha", "seed",
                                         "rate", "apps", "tasks", "requests"}));
    if (fields.Find("alpha") != nullptr) {
      ELM_ASSIGN_OR_RETURN(trace_.alpha, fields.Number("alpha", 0));
    }
    ELM_ASSIGN_OR_RETURN(trace_.seed, Unsigned(fields, "seed"));
    ELM_ASSIGN_OR_RETURN(trace_.rate, fields.Number("rate", 1));
    if (trace_.rate > 0 && trace_.rate <= kMostRate) return Status::Ok();
    return Corruption(name_, ": rate is ", trace_.rate, ", expected above 0 and at most ",
                      kMostRate, " requests a second");
  }

  // JsonFields counts to 2^32; seeds go further.
  static Result<std::optional<uint64_t>> Unsigned(const JsonFields& fields, const char* key) {
    const json* value = fields.Find(key);
    if (value == nullptr) return std::optional<uint64_t>();
    if (value->is_number_unsigned()) return std::optional(value->get<uint64_t>());
    return Corruption(fields.name(), ": ", key, " is ", PrintableJson(*value),
                      ", expected a whole number, 0 or more");
  }

  Status ParseApps() {
    ELM_ASSIGN_OR_RETURN(const auto list, ListOf(object_, "apps", name_));
    if (list.empty()) return Corruption(name_, ": apps is empty, expected at least one");
    for (size_t i = 0; i < list.size(); ++i) {
      ELM_ASSIGN_OR_RETURN(const JsonFields fields, RowOf(list, i, "apps", name_));
      ELM_RETURN_IF_ERROR(fields.OnlyKeys({"app", "slo", "dataset", "families", "requests"}));
      TraceApp app;
      ELM_ASSIGN_OR_RETURN(app.name, fields.Text("app"));
      if (app.name.empty()) return Corruption(fields.name(), ": app is empty, expected a name");
      ELM_ASSIGN_OR_RETURN(const std::string slo, fields.Text("slo"));
      const Result<Slo> parsed = ParseSlo(slo);
      if (!parsed.ok()) return Corruption(fields.name(), ": slo: ", parsed.status().message());
      app.slo = *parsed;
      ELM_ASSIGN_OR_RETURN(app.dataset, fields.Text("dataset", ""));
      ELM_ASSIGN_OR_RETURN(app.families, fields.Texts("families"));
      ELM_ASSIGN_OR_RETURN(const auto requests, fields.OptionalCount("requests"));
      stated_.push_back(requests);
      if (std::find(names_.begin(), names_.end(), app.name) != names_.end()) {
        return Corruption(fields.name(), ": app is ", Printable(app.name), ", which stands above");
      }
      names_.push_back(app.name);
      trace_.apps.push_back(std::move(app));
    }
    return Status::Ok();
  }

  Status ParseTasks() {
    const auto tasks = object_.find("tasks");
    if (tasks == object_.end()) return Corruption(name_, ": tasks is missing");
    if (tasks->is_object()) return LoadBuiltIn(JsonFields(*tasks, name_ + ": tasks"));
    ELM_ASSIGN_OR_RETURN(const auto list, ListOf(object_, "tasks", name_));
    if (list.empty()) return Corruption(name_, ": tasks is empty, expected at least one");
    for (size_t i = 0; i < list.size(); ++i) {
      ELM_ASSIGN_OR_RETURN(const JsonFields fields, RowOf(list, i, "tasks", name_));
      ELM_ASSIGN_OR_RETURN(Task task, ParseTask(list[i], fields.name()));
      if (!tasks_.try_emplace(task.id, i).second) {
        return Corruption(fields.name(), ": id is ", Printable(task.id), ", which stands above");
      }
      trace_.tasks.push_back(std::move(task));
    }
    return Status::Ok();
  }

  Status LoadBuiltIn(const JsonFields& fields) {
    ELM_RETURN_IF_ERROR(fields.OnlyKeys({"world", "split", "seed", "count"}));
    ELM_ASSIGN_OR_RETURN(const std::string world, fields.Text("world"));
    if (world != "pocket") {
      return Corruption(fields.name(), ": world is ", Printable(world), ", expected pocket");
    }
    BuiltInTasks built_in;
    ELM_ASSIGN_OR_RETURN(built_in.split, fields.Text("split"));
    ELM_ASSIGN_OR_RETURN(const auto seed, Unsigned(fields, "seed"));
    built_in.seed = seed.value_or(built_in.seed);
    ELM_ASSIGN_OR_RETURN(built_in.count, fields.Count("count"));
    LoadTasksOptions load;
    const Result<pocket::Split> split = pocket::ParseSplit(built_in.split);
    ELM_RETURN_IF_ERROR(split.status().In(fields.name() + ": split"));
    load.split = *split;
    load.seed = built_in.seed;
    load.count = built_in.count;
    Result<std::vector<Task>> tasks = LoadTasks("pocket", load);
    ELM_RETURN_IF_ERROR(tasks.status().In(fields.name()));
    trace_.built_in = built_in;
    trace_.tasks = std::move(tasks).value();
    for (size_t i = 0; i < trace_.tasks.size(); ++i) tasks_.emplace(trace_.tasks[i].id, i);
    return Status::Ok();
  }

  Status ParseRequests() {
    ELM_ASSIGN_OR_RETURN(const auto list, ListOf(object_, "requests", name_));
    if (list.empty()) return Corruption(name_, ": requests is empty, expected at least one");
    for (size_t i = 0; i < list.size(); ++i) {
      ELM_ASSIGN_OR_RETURN(const JsonFields fields, RowOf(list, i, "requests", name_));
      ELM_RETURN_IF_ERROR(ParseRequest(fields));
    }
    return Status::Ok();
  }

  Status ParseRequest(const JsonFields& fields) {
    ELM_RETURN_IF_ERROR(fields.OnlyKeys({"arrival_s", "app", "task"}));
    TraceRequest request;
    const double before = trace_.requests.empty() ? 0 : trace_.requests.back().arrival_s;
    ELM_ASSIGN_OR_RETURN(request.arrival_s, fields.Number("arrival_s", -1));
    if (!std::isfinite(request.arrival_s) || request.arrival_s < before) {
      if (fields.Find("arrival_s") == nullptr) {
        return Corruption(fields.name(), ": arrival_s is missing");
      }
      return Corruption(fields.name(), ": arrival_s is ", request.arrival_s, ", expected ", before,
                        " or more: requests stand by arrival");
    }
    ELM_ASSIGN_OR_RETURN(const std::string app, fields.Text("app"));
    const auto name = std::find(names_.begin(), names_.end(), app);
    if (name == names_.end()) {
      return Corruption(fields.name(), ": app is ", Printable(app), ", which is not among the apps",
                        Suggestion(app, names_));
    }
    request.app = static_cast<size_t>(name - names_.begin());
    ELM_ASSIGN_OR_RETURN(const std::string task, fields.Text("task"));
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) {
      return Corruption(fields.name(), ": task is ", Printable(task), ", which is not among the ",
                        trace_.tasks.size(), " tasks of this trace");
    }
    request.task = found->second;
    trace_.requests.push_back(request);
    return Status::Ok();
  }

  // A file that was changed by hand may say one thing and hold another.
  Status CheckCounts() const {
    std::vector<uint32_t> counts(trace_.apps.size());
    for (const TraceRequest& request : trace_.requests) ++counts[request.app];
    for (size_t i = 0; i < counts.size(); ++i) {
      if (!stated_[i] || *stated_[i] == counts[i]) continue;
      return Corruption(name_, ": apps[", i, "]: requests is ", *stated_[i], ", but ", counts[i],
                        " requests are of ", Printable(trace_.apps[i].name));
    }
    return Status::Ok();
  }

  const json& object_;
  const std::string name_;
  Trace trace_;
  std::vector<std::string> names_;                 // [apps]
  std::vector<std::optional<uint32_t>> stated_;    // [apps]: their requests, as the file says
  std::unordered_map<std::string, size_t> tasks_;  // by id
};

}  // namespace

json ToJson(const Trace& trace) {
  json result = {{"schema", kTraceSchema},
                 {"schema_version", kTraceSchemaVersion},
                 {"about", kAbout},
                 {"rate", trace.rate}};
  if (trace.alpha) result["alpha"] = *trace.alpha;
  if (trace.seed) result["seed"] = *trace.seed;
  for (size_t app = 0; app < trace.apps.size(); ++app) {
    result["apps"].push_back(AppJson(trace, app));
  }
  if (trace.built_in) {
    result["tasks"] = {{"world", "pocket"},
                       {"split", trace.built_in->split},
                       {"seed", trace.built_in->seed},
                       {"count", trace.built_in->count}};
  } else {
    for (const Task& task : trace.tasks) {
      result["tasks"].push_back(json::parse(ValueOrThrow(TaskLine(task))));
    }
  }
  for (const TraceRequest& request : trace.requests) {
    result["requests"].push_back({{"arrival_s", request.arrival_s},
                                  {"app", trace.apps[request.app].name},
                                  {"task", trace.tasks[request.task].id}});
  }
  return result;
}

Result<Trace> ParseTrace(const json& value, const std::string& name) {
  return TraceParser(value, name).Parse();
}

void WriteTrace(const std::string& path, const Trace& trace) { WriteJsonFile(path, ToJson(trace)); }

Trace ReadTrace(const std::string& path) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostTraceBytes));
  return ValueOrThrow(ParseTrace(ValueOrThrow(ParseJson(text, path)), path));
}

}  // namespace elm
