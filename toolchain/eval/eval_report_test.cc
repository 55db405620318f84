#include "toolchain/eval/eval_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/eval/eval_report_text.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

EvalReport SmallReport() {
  EvalReport report;
  report.tool_version = "0.1.0";
  report.model_form = "elm bundle";
  report.model_hash = "xxh3:0123456789abcdef";
  report.conditions = {"runtime", "float32", "test", (uint64_t{1} << 63) + 1, 4, 0, "random", 0.5};
  report.families = {{"app", "pocket", 4, 0, 0.25, "xxh3:1"},
                     {"when", "q.jsonl", 2, 1, 0, "xxh3:2"}};
  report.texts = {{"wiki.txt", 2, 129, "xxh3:3"}};
  LevelScores half;
  half.name_permille = 500;
  half.reached_share = 0.4987;
  half.families = {{{true, false, false, true}, 1.25}, {{false, false}, 3.5}};
  half.texts = {{{4.25, 3.75}}};
  LevelScores full;
  full.name_permille = 1000;
  full.reached_share = 1;
  full.families = {{{true, true, false, true}, 0.1}, {{true, false}, 2}};
  full.texts = {{{1.5, 1.1}}};
  report.latency = LatencyOptions{.prompt_tokens = 64, .output_tokens = 8, .repeats = 3};
  report.machine = MachineRates{"bf16 dot products", {1e10, 2e10, 3e10}, {8e10, 9e10, 9.5e10}};
  half.size = {1 << 20, 3 << 10};
  half.without_adapter = {{{{false, false, false, true}, 2}, {{false, false}, 4}}, {{{4.5, 4.75}}}};
  half.latency = MakeLatency({{2.5, 3, 2}, {0.5, 0.75, 1}}, RequestTimes{{2, 3, 2}, {0.4, 0.6, 1}});
  full.size = {2 << 20, 0};
  full.latency = MakeLatency({{5, 6, 4}, {0.5, 1, 1}});
  report.levels = {half, full};
  return report;
}

// What a program of schema version 1 knew.
EvalReport OldReport() {
  EvalReport report = SmallReport();
  report.machine.reset();
  for (LevelScores& level : report.levels) {
    level.size.reset();
    level.without_adapter.reset();
    level.latency->rounds = {};
    level.latency->without_adapter.reset();
  }
  return report;
}

TEST(EvalReportTest, EstimatesFollowFromTheItems) {
  const EvalReport report = SmallReport();
  const LevelScores& half = report.levels[0];
  ASSERT_EQ(report.full(), &report.levels[1]);
  EXPECT_DOUBLE_EQ(Accuracy(half.families[0]).value, 0.5);
  EXPECT_DOUBLE_EQ(Accuracy(half.families[0]).standard_error, std::sqrt(1.0 / 12));
  // Differences 0 -1 0 0: squared distances from -1/4 are 3/4 in all; / 3 / 4.
  const Estimate difference = AccuracyDifference(half.families[0], report.full()->families[0]);
  EXPECT_DOUBLE_EQ(difference.value, -0.25);
  EXPECT_DOUBLE_EQ(difference.standard_error, 0.25);
  // The second family's differences are -1 and 0: mean -1/2, error 1/2.
  const Estimate mean = MeanAccuracyDifference(half, *report.full());
  EXPECT_DOUBLE_EQ(mean.value, -0.375);
  EXPECT_DOUBLE_EQ(mean.standard_error, std::sqrt(0.0625 + 0.25) / 2);
  EXPECT_DOUBLE_EQ(MeanAccuracy(half).value, 0.25);
  EXPECT_DOUBLE_EQ(MeanFromChance(report, half), (1.0 / 3 + 0) / 2);
  EXPECT_DOUBLE_EQ(TextLoss(half.texts[0]).value, 4);
  EXPECT_DOUBLE_EQ(TextLoss(half.texts[0]).standard_error, 0.25);
}

TEST(EvalReportTest, AReportWithoutTheFullLevelComparesNothing) {
  EvalReport report = SmallReport();
  report.levels.pop_back();
  EXPECT_EQ(report.full(), nullptr);
  EXPECT_FALSE(ToJson(report)["levels"][0]["mean"].contains("against_full"));
  EXPECT_THAT(EvalReportText(report), Not(HasSubstr("difference")));
}

TEST(EvalReportTest, AFileGivesTheReportBack) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("report.json");
  WriteEvalReport(path, SmallReport());
  EXPECT_EQ(ReadEvalReport(path), SmallReport());
}

TEST(EvalReportTest, FilesOfVersionOneAreStillRead) {
  nlohmann::json json = ToJson(OldReport());
  json["schema_version"] = 1;
  EXPECT_EQ(ParseEvalReport(json, "r.json"), OldReport());
  EXPECT_THAT(EvalReportText(OldReport()), HasSubstr("64 tokens in, 8 out, medians of 3\n"));
}

TEST(EvalReportTest, GainAndOverheadOfAdaptersAreSpelledOut) {
  const nlohmann::json json = nlohmann::json::parse(ToJson(SmallReport()).dump());
  const nlohmann::json& half = json["levels"][0];
  EXPECT_EQ(half["bytes"]["adapter"], 3072);
  EXPECT_EQ(half["without_adapter"]["families"]["app"]["correct"], "0001");
  // Right with it 1001, without 0001: differences 1 0 0 0.
  EXPECT_EQ(half["adapter_gain"]["families"]["app"]["accuracy"], 0.25);
  EXPECT_EQ(half["adapter_gain"]["families"]["app"]["standard_error"], 0.25);
  EXPECT_EQ(half["adapter_gain"]["mean"]["accuracy"], 0.125);
  EXPECT_EQ(half["adapter_gain"]["texts"]["wiki.txt"]["nll"], 0.625);
  EXPECT_EQ(half["latency"]["rounds"]["ttft_ms"], (std::vector<double>{2.5, 3, 2}));
  EXPECT_EQ(half["latency"]["adapter_overhead"]["ttft"]["ratio"], 1);
  EXPECT_EQ(half["latency"]["adapter_overhead"]["tpot"]["ratio"], 1.25);
  EXPECT_TRUE(half["latency"]["adapter_overhead"]["tpot"]["high"].is_null()) << "three rounds";
  EXPECT_FALSE(json["levels"][1].contains("adapter_gain"));
  EXPECT_EQ(json["machine"]["operation"], "bf16 dot products");
}

TEST(EvalReportTest, TheJsonSpellsOutWhatFollowsFromTheItems) {
  const nlohmann::json json = ToJson(SmallReport());
  EXPECT_EQ(json["schema"], "elm-eval");
  EXPECT_EQ(json["conditions"]["seed"], (uint64_t{1} << 63) + 1);
  const nlohmann::json& app = json["levels"][0]["families"]["app"];
  EXPECT_EQ(app["correct"], "1001");
  EXPECT_EQ(app["accuracy"], 0.5);
  EXPECT_EQ(app["against_full"]["difference"], -0.25);
  EXPECT_EQ(app["against_full"]["standard_error"], 0.25);
  EXPECT_DOUBLE_EQ(app["from_chance"], 1.0 / 3);
  EXPECT_EQ(json["levels"][0]["mean"]["accuracy"], 0.25);
  EXPECT_DOUBLE_EQ(json["levels"][0]["texts"]["wiki.txt"]["perplexity"], std::exp(4.0));
  EXPECT_FALSE(json["levels"][1]["families"]["app"].contains("against_full"));
}

TEST(EvalReportTest, AnUnknownErrorIsNull) {
  EvalReport report = SmallReport();
  report.families.pop_back();
  report.families[0].items = 1;
  for (LevelScores& level : report.levels) {
    level.families = {{{true}, 1}};
    if (level.without_adapter) level.without_adapter->families = level.families;
  }
  const nlohmann::json json = nlohmann::json::parse(ToJson(report).dump());
  EXPECT_TRUE(json["levels"][0]["families"]["app"]["standard_error"].is_null());
  EXPECT_EQ(ParseEvalReport(json, "r.json"), report);
  EXPECT_THAT(EvalReportText(report), Not(HasSubstr("nan")));
}

std::string Refusal(const std::function<void(nlohmann::json&)>& change) {
  nlohmann::json json = ToJson(SmallReport());
  change(json);
  try {
    (void)ParseEvalReport(json, "r.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(EvalReportTest, FilesThatContradictThemselvesAreRefused) {
  using Json = nlohmann::json;
  EXPECT_EQ(Refusal([](Json&) {}), "no error");
  EXPECT_THAT(Refusal([](Json& json) { json = Json::array(); }), HasSubstr("r.json: is not"));
  EXPECT_THAT(Refusal([](Json& json) { json["schema"] = "other"; }), HasSubstr("schema is other"));
  EXPECT_THAT(Refusal([](Json& json) { json["schema_version"] = 3; }),
              HasSubstr("version is 3, this program reads 1 to 2"));
  EXPECT_THAT(Refusal([](Json& json) { json.erase("model"); }), HasSubstr("model is missing"));
  EXPECT_THAT(Refusal([](Json& json) { json["families"][0]["items"] = "four"; }),
              HasSubstr("families[0]: items is \"four\", which is of the wrong type"));
  EXPECT_THAT(Refusal([](Json& json) { json["families"][0]["items"] = 0; }),
              HasSubstr("families[0]: has no items"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0]["families"].erase("when"); }),
              HasSubstr("levels[0]: families: when is missing"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0]["families"]["app"]["correct"] = "101"; }),
              HasSubstr("each of the 4 items"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0]["families"]["app"]["correct"] = "10x1"; }),
              HasSubstr("each of the 4 items"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0]["families"]["app"]["accuracy"] = 0.75; }),
              HasSubstr("accuracy is 0.75, its items give 0.5"));
  EXPECT_THAT(
      Refusal([](Json& json) { json["levels"][1]["texts"]["wiki.txt"]["windows"] = {1.0}; }),
      HasSubstr("windows has 1 losses, expected 2"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][1]["level"] = "0.5"; }),
              HasSubstr("levels do not ascend"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][1]["level"] = "most"; }),
              HasSubstr("level is most"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0].erase("latency"); }),
              HasSubstr("levels[0]: latency is missing"));
  EXPECT_THAT(
      Refusal([](Json& json) { json["levels"][0]["latency"]["rounds"]["ttft_ms"] = {1.0}; }),
      HasSubstr("rounds: ttft_ms has 1 values, expected a positive one for each of 3 rounds"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"][0]["latency"]["ttft_ms"] = 1.0; }),
              HasSubstr("ttft_ms is 1"));
  EXPECT_THAT(Refusal([](Json& json) {
                json["machine"]["operations_per_second"] = {1.0, -1.0, 1.0};
              }),
              HasSubstr("machine: operations_per_second has 3 values, expected a positive"));
  EXPECT_THAT(Refusal([](Json& json) { json["levels"] = Json::array(); }),
              HasSubstr("has no levels"));
}

TEST(EvalReportTest, TheTableHasLevelsAsRowsAndFamiliesAsColumns) {
  const std::string text = EvalReportText(SmallReport());
  for (const char* line : {
           "50% of the context's words kept (random ones dropped)",
           "  when: 2 tasks of q.jsonl, 1 too long and skipped\n",
           "level    share         app        when        mean\n",
           "0.5      49.9%  50.0 ±28.9    0.0 ±0.0  25.0 ±14.4\n",
           "chance                25.0         0.0        12.5\n",
           "0.5    49.9%  -25.0 ±25.0  -50.0 ±50.0  -37.5 ±28.0\n",
           "0.5     49.9%  33.3   0.0  16.7\n",
           "level   share        wiki.txt  perplexity\n",
           "0.5     49.9%  4.0000 ±0.2500        54.6\n",
           "0.5    49.9%  +25.0 ±25.0  +0.0 ±0.0  +12.5 ±12.5\n",
           "0.5    49.9%    4.6250 ±0.1250  +0.6250 ±0.3750\n",
           "0.5     49.9%  1.00 MiB  3.00 KiB\n",
           "1.0    100.0%  2.00 MiB\n",
           "64 tokens in, 8 out, medians of 3;\n"
           "the machine meanwhile: 20.0 GB/s, 90 G bf16 dot products/s\n",
           "0.5     49.9%     2.50      50%     0.75      75%            +0.0%   +25.0%\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace elm
