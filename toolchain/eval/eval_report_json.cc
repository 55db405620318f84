#include "toolchain/eval/eval_report_json.h"

#include <cmath>
#include <cstddef>

#include "formats/base/mapped_file.h"
#include "formats/json/json_text.h"
#include "formats/model/level_table.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"

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

json MeanJson(const EvalReport& report, const LevelScores& level, const LevelScores* full) {
  json result = EstimateJson("accuracy", MeanAccuracy(level));
  result["from_chance"] = MeanFromChance(report, level);
  if (full != nullptr) {
    result["against_full"] = EstimateJson("difference", MeanAccuracyDifference(level, *full));
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

json LevelJson(const EvalReport& report, const LevelScores& level) {
  const LevelScores* full = report.full() == &level ? nullptr : report.full();
  json result = {{"level", LevelName(level.name_permille)}, {"reached_share", level.reached_share}};
  for (size_t i = 0; i < report.families.size(); ++i) {
    result["families"][report.families[i].name] =
        FamilyScoreJson(level.families[i], full == nullptr ? nullptr : &full->families[i],
                        report.families[i].chance);
  }
  if (!report.families.empty()) result["mean"] = MeanJson(report, level, full);
  for (size_t i = 0; i < report.texts.size(); ++i) {
    result["texts"][report.texts[i].name] = TextScoreJson(level.texts[i]);
  }
  if (level.latency) {
    result["latency"] = {{"ttft_ms", level.latency->ttft_ms}, {"tpot_ms", level.latency->tpot_ms}};
  }
  return result;
}

json ConditionsJson(const EvalConditions& conditions) {
  return {{"engine", conditions.engine}, {"arithmetic", conditions.arithmetic},
          {"split", conditions.split},   {"seed", conditions.seed},
          {"count", conditions.count},   {"limit", conditions.limit},
          {"drop", conditions.drop},     {"keep", conditions.keep}};
}

// Reads the fields of one object; `where` starts every message.
class Reader {
 public:
  Reader(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) throw Error(Corruption(where_, ": is not a JSON object"));
  }

  const std::string& where() const { return where_; }

  template <typename T>
  T Get(const char* key) const {
    const json& value = At(key);
    try {
      return value.get<T>();
    } catch (const json::exception&) {
      throw Error(Corruption(where_, ": ", key, " is ", PrintableJson(value),
                             ", which is of the wrong type"));
    }
  }

  Reader Object(const char* key) const { return {At(key), StrCat(where_, ": ", key)}; }

  bool Has(const char* key) const { return object_.contains(key); }

  // One reader per entry of a list.
  std::vector<Reader> List(const char* key) const {
    const json& list = At(key);
    if (!list.is_array()) throw Error(Corruption(where_, ": ", key, " is not a list"));
    std::vector<Reader> readers;
    for (size_t i = 0; i < list.size(); ++i) {
      readers.emplace_back(list[i], StrCat(where_, ": ", key, "[", i, "]"));
    }
    return readers;
  }

 private:
  const json& At(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw Error(Corruption(where_, ": ", key, " is missing"));
    return *found;
  }

  const json& object_;
  std::string where_;
};

void CheckSchema(const Reader& reader) {
  const auto schema = reader.Get<std::string>("schema");
  if (schema != kEvalSchema) {
    throw Error(Corruption(reader.where(), ": schema is ", schema, ", expected ", kEvalSchema,
                           "; give a file that `elmc eval --json` wrote"));
  }
  const auto version = reader.Get<uint32_t>("schema_version");
  if (version != kEvalSchemaVersion) {
    throw Error(Unsupported(reader.where(), ": schema version is ", version,
                            ", this program reads ", kEvalSchemaVersion));
  }
}

EvalConditions ReadConditions(const Reader& reader) {
  return {.engine = reader.Get<std::string>("engine"),
          .arithmetic = reader.Get<std::string>("arithmetic"),
          .split = reader.Get<std::string>("split"),
          .seed = reader.Get<uint64_t>("seed"),
          .count = reader.Get<uint64_t>("count"),
          .limit = reader.Get<uint64_t>("limit"),
          .drop = reader.Get<std::string>("drop"),
          .keep = reader.Get<double>("keep")};
}

EvalFamily ReadFamily(const Reader& reader) {
  EvalFamily family{.name = reader.Get<std::string>("family"),
                    .source = reader.Get<std::string>("source"),
                    .items = reader.Get<uint64_t>("items"),
                    .skipped = reader.Get<uint64_t>("skipped"),
                    .chance = reader.Get<double>("chance"),
                    .hash = reader.Get<std::string>("hash")};
  if (family.items == 0) throw Error(Corruption(reader.where(), ": has no items"));
  return family;
}

EvalText ReadText(const Reader& reader) {
  EvalText text{.name = reader.Get<std::string>("text"),
                .windows = reader.Get<uint64_t>("windows"),
                .window_tokens = reader.Get<uint64_t>("window_tokens"),
                .hash = reader.Get<std::string>("hash")};
  if (text.windows == 0) throw Error(Corruption(reader.where(), ": has no windows"));
  return text;
}

void CheckMean(const Reader& reader, const char* key, double of_items) {
  const auto stated = reader.Get<double>(key);
  if (std::abs(stated - of_items) <= kMeanTolerance) return;
  throw Error(Corruption(reader.where(), ": ", key, " is ", stated, ", its items give ", of_items,
                         "; the file was changed by hand"));
}

FamilyScore ReadFamilyScore(const Reader& reader, const EvalFamily& family) {
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

TextScore ReadTextScore(const Reader& reader, const EvalText& text) {
  TextScore score{.losses = reader.Get<std::vector<double>>("windows")};
  if (score.losses.size() != text.windows) {
    throw Error(Corruption(reader.where(), ": windows has ", score.losses.size(),
                           " losses, expected ", text.windows));
  }
  CheckMean(reader, "nll", TextLoss(score).value);
  return score;
}

LatencyOptions ReadLatencyOptions(const Reader& reader) {
  return {.prompt_tokens = reader.Get<uint32_t>("prompt_tokens"),
          .output_tokens = reader.Get<uint32_t>("output_tokens"),
          .repeats = reader.Get<uint32_t>("repeats")};
}

LevelLatency ReadLatency(const Reader& reader) {
  return {.ttft_ms = reader.Get<double>("ttft_ms"), .tpot_ms = reader.Get<double>("tpot_ms")};
}

LevelScores ReadLevel(const Reader& reader, const EvalReport& report) {
  const auto name = reader.Get<std::string>("level");
  const std::optional<uint32_t> permille = ParseLevelName(name);
  if (!permille) throw Error(Corruption(reader.where(), ": level is ", name, ", no level's name"));
  LevelScores level;
  level.name_permille = *permille;
  level.reached_share = reader.Get<double>("reached_share");
  for (const EvalFamily& family : report.families) {
    level.families.push_back(
        ReadFamilyScore(reader.Object("families").Object(family.name.c_str()), family));
  }
  for (const EvalText& text : report.texts) {
    level.texts.push_back(ReadTextScore(reader.Object("texts").Object(text.name.c_str()), text));
  }
  if (report.latency) level.latency = ReadLatency(reader.Object("latency"));
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
  for (const LevelScores& level : report.levels) {
    result["levels"].push_back(LevelJson(report, level));
  }
  return result;
}

EvalReport ParseEvalReport(const json& value, const std::string& name) {
  const Reader reader(value, name);
  CheckSchema(reader);
  EvalReport report;
  report.tool_version = reader.Get<std::string>("tool_version");
  report.model_form = reader.Object("model").Get<std::string>("form");
  report.model_hash = reader.Object("model").Get<std::string>("hash");
  report.conditions = ReadConditions(reader.Object("conditions"));
  for (const Reader& family : reader.List("families")) {
    report.families.push_back(ReadFamily(family));
  }
  for (const Reader& text : reader.List("texts")) report.texts.push_back(ReadText(text));
  if (reader.Has("latency")) report.latency = ReadLatencyOptions(reader.Object("latency"));
  for (const Reader& level : reader.List("levels")) {
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
