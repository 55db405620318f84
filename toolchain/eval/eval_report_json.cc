#include "toolchain/eval/eval_report_json.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"
#include "formats/model/level_table.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/base/json_reader.h"

namespace elm {
namespace {

using nlohmann::json;

constexpr uint64_t kMostReportBytes = uint64_t{1} << 28;
// A mean in a file may have been summed in another order.
constexpr double kMeanTolerance = 1e-9;

json EstimateJson(const char* name, const Estimate& estimate) {
  return {{name, estimate.value}, {"standard_error", estimate.standard_error}};
}

std::string Bits(const std::vector<bool>& correct) {
  std::string bits;
  for (const bool bit : correct) bits += bit ? '1' : '0';
  return bits;
}

json FamilyScoreJson(const FamilyScore& score, const FamilyScore* full, double chance) {
  const Estimate accuracy = Accuracy(score);
  json result = EstimateJson("accuracy", accuracy);
  result["from_chance"] = FromChance(accuracy.value, chance);
  result["nll"] = score.nll;
  result["correct"] = Bits(score.correct);
  if (full != nullptr) {
    result["against_full"] = EstimateJson("difference", AccuracyDifference(score, *full));
  }
  return result;
}

json MeanJson(const EvalReport& report, const QuestionScores& scores, const QuestionScores* full) {
  json result = EstimateJson("accuracy", MeanAccuracy(scores));
  result["from_chance"] = MeanFromChance(report, scores);
  if (full != nullptr) {
    result["against_full"] = EstimateJson("difference", MeanAccuracyDifference(scores, *full));
  }
  return result;
}

json TextScoreJson(const TextScore& score) {
  const Estimate loss = TextLoss(score);
  json result = EstimateJson("nll", loss);
  result["perplexity"] = std::exp(loss.value);
  result["windows"] = score.losses;
  return result;
}

json LatencyOptionsJson(const LatencyOptions& options) {
  return {{"prompt_tokens", options.prompt_tokens},
          {"output_tokens", options.output_tokens},
          {"repeats", options.repeats}};
}

json TimesJson(const RequestTimes& times) {
  return {{"ttft_ms", times.ttft_ms}, {"tpot_ms", times.tpot_ms}};
}

// An end that is not known is null.
json RatioJson(const RatioEstimate& estimate) {
  return {{"ratio", estimate.ratio}, {"low", estimate.low}, {"high", estimate.high}};
}

json LatencyJson(const LevelLatency& latency) {
  json result = {{"ttft_ms", latency.ttft_ms}, {"tpot_ms", latency.tpot_ms}};
  if (!latency.rounds.ttft_ms.empty()) result["rounds"] = TimesJson(latency.rounds);
  if (latency.without_adapter) {
    result["without_adapter"] = TimesJson(*latency.without_adapter);
    const AdapterOverhead overhead = OverheadOf(latency);
    result["adapter_overhead"] = {{"ttft", RatioJson(overhead.ttft)},
                                  {"tpot", RatioJson(overhead.tpot)}};
  }
  return result;
}

json MachineJson(const MachineRates& machine) {
  return {{"operation", machine.operation},
          {"read_bytes_per_second", machine.read_bytes_per_second},
          {"operations_per_second", machine.operations_per_second}};
}

// Puts families, their mean and texts into `result`. `full` may be nullptr.
void AddQuestions(const EvalReport& report, const QuestionScores& scores,
                  const QuestionScores* full, json& result) {
  for (size_t i = 0; i < report.families.size(); ++i) {
    result["families"][report.families[i].name] =
        FamilyScoreJson(scores.families[i], full == nullptr ? nullptr : &full->families[i],
                        report.families[i].chance);
  }
  if (!report.families.empty()) result["mean"] = MeanJson(report, scores, full);
  for (size_t i = 0; i < report.texts.size(); ++i) {
    result["texts"][report.texts[i].name] = TextScoreJson(scores.texts[i]);
  }
}

// What the adapter brings: accuracy won, nats of loss saved.
json GainJson(const EvalReport& report, const QuestionScores& with, const QuestionScores& without) {
  json result = json::object();
  for (size_t i = 0; i < report.families.size(); ++i) {
    result["families"][report.families[i].name] =
        EstimateJson("accuracy", AccuracyDifference(with.families[i], without.families[i]));
  }
  if (!report.families.empty()) {
    result["mean"] = EstimateJson("accuracy", MeanAccuracyDifference(with, without));
  }
  for (size_t i = 0; i < report.texts.size(); ++i) {
    result["texts"][report.texts[i].name] =
        EstimateJson("nll", TextLossDifference(without.texts[i], with.texts[i]));
  }
  return result;
}

json LevelJson(const EvalReport& report, const LevelScores& level) {
  const LevelScores* full = report.full() == &level ? nullptr : report.full();
  json result = {{"level", LevelName(level.name_permille)}, {"reached_share", level.reached_share}};
  if (level.size) {
    result["bytes"] = {{"weights", level.size->weight_bytes},
                       {"adapter", level.size->adapter_bytes}};
  }
  AddQuestions(report, level, full, result);
  if (level.without_adapter) {
    AddQuestions(report, *level.without_adapter, full, result["without_adapter"]);
    result["adapter_gain"] = GainJson(report, level, *level.without_adapter);
  }
  if (level.latency) result["latency"] = LatencyJson(*level.latency);
  return result;
}

json ConditionsJson(const EvalConditions& conditions) {
  return {{"engine", conditions.engine}, {"arithmetic", conditions.arithmetic},
          {"split", conditions.split},   {"seed", conditions.seed},
          {"count", conditions.count},   {"limit", conditions.limit},
          {"drop", conditions.drop},     {"keep", conditions.keep}};
}

void CheckSchema(const JsonReader& reader) {
  const auto schema = reader.Get<std::string>("schema");
  if (schema != kEvalSchema) {
    throw Error(Corruption(reader.where(), ": schema is ", schema, ", expected ", kEvalSchema,
                           "; give a file that `elmc eval --json` wrote"));
  }
  const auto version = reader.Get<uint32_t>("schema_version");
  if (version < kOldestEvalSchemaVersion || version > kEvalSchemaVersion) {
    throw Error(Unsupported(reader.where(), ": schema version is ", version,
                            ", this program reads ", kOldestEvalSchemaVersion, " to ",
                            kEvalSchemaVersion));
  }
}

EvalConditions ReadConditions(const JsonReader& reader) {
  return {.engine = reader.Get<std::string>("engine"),
          .arithmetic = reader.Get<std::string>("arithmetic"),
          .split = reader.Get<std::string>("split"),
          .seed = reader.Get<uint64_t>("seed"),
          .count = reader.Get<uint64_t>("count"),
          .limit = reader.Get<uint64_t>("limit"),
          .drop = reader.Get<std::string>("drop"),
          .keep = reader.Get<double>("keep")};
}

EvalFamily ReadFamily(const JsonReader& reader) {
  EvalFamily family{.name = reader.Get<std::string>("family"),
                    .source = reader.Get<std::string>("source"),
                    .items = reader.Get<uint64_t>("items"),
                    .skipped = reader.Get<uint64_t>("skipped"),
                    .chance = reader.Get<double>("chance"),
                    .hash = reader.Get<std::string>("hash")};
  if (family.items == 0) throw Error(Corruption(reader.where(), ": has no items"));
  return family;
}

EvalText ReadText(const JsonReader& reader) {
  EvalText text{.name = reader.Get<std::string>("text"),
                .windows = reader.Get<uint64_t>("windows"),
                .window_tokens = reader.Get<uint64_t>("window_tokens"),
                .hash = reader.Get<std::string>("hash")};
  if (text.windows == 0) throw Error(Corruption(reader.where(), ": has no windows"));
  return text;
}

void CheckMean(const JsonReader& reader, const char* key, double of_items) {
  const auto stated = reader.Get<double>(key);
  if (std::abs(stated - of_items) <= kMeanTolerance) return;
  throw Error(Corruption(reader.where(), ": ", key, " is ", stated, ", its items give ", of_items,
                         "; the file was changed by hand"));
}

FamilyScore ReadFamilyScore(const JsonReader& reader, const EvalFamily& family) {
  const auto bits = reader.Get<std::string>("correct");
  if (bits.size() != family.items || bits.find_first_not_of("01") != std::string::npos) {
    throw Error(Corruption(reader.where(), ": correct is not a 0 or 1 for each of the ",
                           family.items, " items"));
  }
  FamilyScore score;
  for (const char bit : bits) score.correct.push_back(bit == '1');
  score.nll = reader.Get<double>("nll");
  CheckMean(reader, "accuracy", Accuracy(score).value);
  return score;
}

TextScore ReadTextScore(const JsonReader& reader, const EvalText& text) {
  TextScore score{.losses = reader.Get<std::vector<double>>("windows")};
  if (score.losses.size() != text.windows) {
    throw Error(Corruption(reader.where(), ": windows has ", score.losses.size(),
                           " losses, expected ", text.windows));
  }
  CheckMean(reader, "nll", TextLoss(score).value);
  return score;
}

LatencyOptions ReadLatencyOptions(const JsonReader& reader) {
  const LatencyOptions options = {.prompt_tokens = reader.Get<uint32_t>("prompt_tokens"),
                                  .output_tokens = reader.Get<uint32_t>("output_tokens"),
                                  .repeats = reader.Get<uint32_t>("repeats")};
  if (options.prompt_tokens == 0 || options.output_tokens == 0 || options.repeats == 0) {
    throw Error(Corruption(reader.where(), ": prompt_tokens, output_tokens and repeats are ",
                           options.prompt_tokens, ", ", options.output_tokens, " and ",
                           options.repeats, ", expected at least 1"));
  }
  return options;
}

// `count` positive numbers.
std::vector<double> ReadRounds(const JsonReader& reader, const char* key, size_t count) {
  const auto values = reader.Get<std::vector<double>>(key);
  const bool positive = std::all_of(values.begin(), values.end(),
                                    [](double value) { return value > 0 && std::isfinite(value); });
  if (values.size() == count && positive) return values;
  throw Error(Corruption(reader.where(), ": ", key, " has ", values.size(),
                         " values, expected a positive one for each of ", count, " rounds"));
}

RequestTimes ReadTimes(const JsonReader& reader, size_t rounds) {
  return {.ttft_ms = ReadRounds(reader, "ttft_ms", rounds),
          .tpot_ms = ReadRounds(reader, "tpot_ms", rounds)};
}

LevelLatency ReadLatency(const JsonReader& reader, size_t rounds) {
  LevelLatency latency{.ttft_ms = reader.Get<double>("ttft_ms"),
                       .tpot_ms = reader.Get<double>("tpot_ms")};
  if (!reader.Has("rounds")) return latency;  // version 1
  latency.rounds = ReadTimes(reader.Object("rounds"), rounds);
  CheckMean(reader, "ttft_ms", MedianOf(latency.rounds.ttft_ms));
  CheckMean(reader, "tpot_ms", MedianOf(latency.rounds.tpot_ms));
  if (reader.Has("without_adapter")) {
    latency.without_adapter = ReadTimes(reader.Object("without_adapter"), rounds);
  }
  return latency;
}

MachineRates ReadMachine(const JsonReader& reader, size_t rounds) {
  return {.operation = reader.Get<std::string>("operation"),
          .read_bytes_per_second = ReadRounds(reader, "read_bytes_per_second", rounds),
          .operations_per_second = ReadRounds(reader, "operations_per_second", rounds)};
}

QuestionScores ReadQuestions(const JsonReader& reader, const EvalReport& report) {
  QuestionScores scores;
  for (const EvalFamily& family : report.families) {
    scores.families.push_back(
        ReadFamilyScore(reader.Object("families").Object(family.name.c_str()), family));
  }
  for (const EvalText& text : report.texts) {
    scores.texts.push_back(ReadTextScore(reader.Object("texts").Object(text.name.c_str()), text));
  }
  return scores;
}

LevelScores ReadLevel(const JsonReader& reader, const EvalReport& report) {
  const auto name = reader.Get<std::string>("level");
  const std::optional<uint32_t> permille = ParseLevelName(name);
  if (!permille) throw Error(Corruption(reader.where(), ": level is ", name, ", no level's name"));
  LevelScores level;
  level.name_permille = *permille;
  level.reached_share = reader.Get<double>("reached_share");
  static_cast<QuestionScores&>(level) = ReadQuestions(reader, report);
  if (reader.Has("bytes")) {
    const JsonReader bytes = reader.Object("bytes");
    level.size = {bytes.Get<uint64_t>("weights"), bytes.Get<uint64_t>("adapter")};
  }
  if (reader.Has("without_adapter")) {
    level.without_adapter = ReadQuestions(reader.Object("without_adapter"), report);
  }
  if (report.latency)
    level.latency = ReadLatency(reader.Object("latency"), report.latency->repeats);
  return level;
}

void CheckLevelOrder(const std::vector<LevelScores>& levels, const std::string& name) {
  if (levels.empty()) throw Error(Corruption(name, ": has no levels"));
  for (size_t i = 1; i < levels.size(); ++i) {
    if (levels[i - 1].name_permille < levels[i].name_permille) continue;
    throw Error(Corruption(name, ": levels[", i, "]: levels do not ascend"));
  }
}

}  // namespace

json ToJson(const EvalReport& report) {
  json result = {{"schema", kEvalSchema},
                 {"schema_version", kEvalSchemaVersion},
                 {"tool_version", report.tool_version},
                 {"model", {{"form", report.model_form}, {"hash", report.model_hash}}},
                 {"conditions", ConditionsJson(report.conditions)},
                 {"families", json::array()},
                 {"texts", json::array()},
                 {"levels", json::array()}};
  for (const EvalFamily& family : report.families) {
    result["families"].push_back({{"family", family.name},
                                  {"source", family.source},
                                  {"items", family.items},
                                  {"skipped", family.skipped},
                                  {"chance", family.chance},
                                  {"hash", family.hash}});
  }
  for (const EvalText& text : report.texts) {
    result["texts"].push_back({{"text", text.name},
                               {"windows", text.windows},
                               {"window_tokens", text.window_tokens},
                               {"hash", text.hash}});
  }
  if (report.latency) result["latency"] = LatencyOptionsJson(*report.latency);
  if (report.machine) result["machine"] = MachineJson(*report.machine);
  for (const LevelScores& level : report.levels) {
    result["levels"].push_back(LevelJson(report, level));
  }
  return result;
}

EvalReport ParseEvalReport(const json& value, const std::string& name) {
  const JsonReader reader(value, name);
  CheckSchema(reader);
  EvalReport report;
  report.tool_version = reader.Get<std::string>("tool_version");
  report.model_form = reader.Object("model").Get<std::string>("form");
  report.model_hash = reader.Object("model").Get<std::string>("hash");
  report.conditions = ReadConditions(reader.Object("conditions"));
  for (const JsonReader& family : reader.List("families")) {
    report.families.push_back(ReadFamily(family));
  }
  for (const JsonReader& text : reader.List("texts")) report.texts.push_back(ReadText(text));
  if (reader.Has("latency")) report.latency = ReadLatencyOptions(reader.Object("latency"));
  if (report.latency && reader.Has("machine")) {
    report.machine = ReadMachine(reader.Object("machine"), report.latency->repeats);
  }
  for (const JsonReader& level : reader.List("levels")) {
    report.levels.push_back(ReadLevel(level, report));
  }
  CheckLevelOrder(report.levels, name);
  return report;
}

void WriteEvalReport(const std::string& path, const EvalReport& report) {
  WriteJsonFile(path, ToJson(report));
}

EvalReport ReadEvalReport(const std::string& path) {
  const std::string text = ValueOrThrow(ReadFile(path, kMostReportBytes));
  return ParseEvalReport(ValueOrThrow(ParseJson(text, path)), path);
}

}  // namespace elm
