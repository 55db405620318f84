#include "toolchain/report/report_contents.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/trace/trace_results_json.h"

namespace elm {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 28;

}  // namespace

void AddReportFile(const std::string& path, ReportContents& contents) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostBytes));
  const nlohmann::json json = ValueOrThrow(ParseJson(text, path));
  const std::string name = std::filesystem::path(path).stem().string();
  const std::string schema =
      json.is_object() && json.contains("schema") && json["schema"].is_string()
          ? json["schema"].get<std::string>()
          : "";
  if (schema == kEvalSchema) {
    contents.evaluations.push_back({name, ParseEvalReport(json, path)});
  } else if (schema == kBaselinesSchema) {
    contents.baselines.push_back({name, ParseBaselines(json, path)});
  } else if (schema == kTraceResultsSchema) {
    contents.traces.push_back({name, ParseTraceResults(json, path)});
  } else {
    throw Error(InvalidArgument(path, ": schema is \"", schema, "\", expected ", kEvalSchema,
                                " (elmc eval --json), ", kBaselinesSchema,
                                " (elmc baselines --json) or ", kTraceResultsSchema,
                                " (elmc trace run --json)"));
  }
}

}  // namespace elm
