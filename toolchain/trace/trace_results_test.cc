#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/trace/trace_results_json.h"
#include "toolchain/trace/trace_text.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TraceResults SmallResults() {
  TraceResults results;
  results.tool_version = "1.2";
  results.bundle_hash = "xxh3:1";
  results.traces_hash = "xxh3:2";
  EconomicsResults& economics = results.economics.emplace();
  economics.table = "reference:test";
  economics.policies = {{"elastic", "ours", PolicyRole::kOurs, "", ""},
                        {"laco/a", "LaCo", PolicyRole::kBaseline, "a", "merges layers"}};
  for (const char* task : {"fact-1", "fact-2"}) {
    TraceCase one{.app = "Rewind", .slo = "ttft=100%,tpot=100%", .family = "fact", .task = task};
    one.ttft_limit_ms = 12.5;
    one.tpot_limit_ms = kNoLimitMs;
    one.feasible_pairs = 3;
    one.answers["elastic"] = {600, 400, 77, 11.25, 3.5, true, true};
    one.answers["laco/a"] = {1000, 300, 120, 14, 3, false, false};
    one.cells = {{{600, 400}, true}, {{1000, 1000}, false}};
    one.sparse = {{{400, 900}, true}};
    economics.cases.push_back(one);
  }
  economics.traces = {{.alpha = -0.25, .seed = 3, .cases = {0, 1, 1}}};
  DeviceResults& device = results.device.emplace();
  device.table = "phone";
  DeviceRequest request;
  request.app = "GMail";
  request.task = "reply-1";
  request.feasible = true;
  request.met = true;
  request.decided_by = "grid";
  request.tlm_ms = 0.125;
  device.traces = {{.alpha = 0, .seed = 1, .requests = {request}}};
  return results;
}

TEST(TraceResultsTest, ReadsWhatItWrote) {
  const testing::TemporaryDirectory folder;
  const TraceResults results = SmallResults();
  WriteTraceResults(folder.Path("r.json"), results);
  EXPECT_EQ(ReadTraceResults(folder.Path("r.json")), results);
}

TEST(TraceResultsTest, TheSummaryFollowsFromTheFacts) {
  const json file = ToJson(SmallResults());
  const json& group = file["economics"]["summary"][0];
  EXPECT_EQ(group["requests"], 3);
  EXPECT_EQ(group["policies"][0]["accuracy"]["value"], 1.0);
  EXPECT_EQ(group["policies"][1]["ours_minus_this"]["value"], 1.0);
  EXPECT_EQ(group["policies"][2]["policy"], "mean/a");
  EXPECT_EQ(file["device"]["summary"][0]["attainment"]["of_feasible"], 1.0);
}

TEST(TraceResultsTest, AnInterruptedRunHasNoSummaryButKeepsItsCells) {
  TraceResults results = SmallResults();
  results.economics->cases[1].answers.clear();
  const json file = ToJson(results);
  EXPECT_FALSE(file["economics"].contains("summary"));
  EXPECT_EQ(ParseTraceResults(file, "r.json"), results);
}

TEST(TraceResultsTest, NamesWhatIsWrong) {
  const auto refused = [](const std::function<void(json&)>& change, const std::string& message) {
    json file = ToJson(SmallResults());
    change(file);
    try {
      ParseTraceResults(file, "r.json");
      FAIL() << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  refused([](json& file) { file["schema"] = "elm-trace"; }, "schema is elm-trace");
  refused([](json& file) { file["schema_version"] = 9; }, "schema version is 9");
  refused([](json& file) { file["economics"].erase("table"); }, "economics: table is missing");
  refused([](json& file) { file["economics"]["cases"][1]["full_tokens"] = "many"; },
          "cases[1]: full_tokens");
  refused([](json& file) { file["economics"]["traces"][0]["requests"][0] = 2; },
          "requests holds 2, but there are 2 cases");
  refused([](json& file) { file["economics"]["cases"][0]["cells"]["right"][0] = "600"; },
          "expected thousandths");
  refused([](json& file) { file["economics"]["policies"][0]["role"] = "mine"; }, "role is mine");
}

// What nobody could have served is never counted as met, not even in a file.
TEST(TraceResultsTest, RefusesAnSloThatWasMetAlthoughItCouldNotBe) {
  json file = ToJson(SmallResults());
  file["economics"]["cases"][0]["feasible_pairs"] = 0;
  EXPECT_THROW(ParseTraceResults(file, "r.json"), Error);
  file = ToJson(SmallResults());
  file["device"]["traces"][0]["requests"][0]["feasible"] = false;
  EXPECT_THROW(ParseTraceResults(file, "r.json"), Error);
}

TEST(TraceResultsTest, TheTableHasARowForEachPolicyAndTheMean) {
  const std::string text = TraceResultsText(SmallResults());
  EXPECT_THAT(text, HasSubstr("ours"));
  EXPECT_THAT(text, HasSubstr("LaCo (a)"));
  EXPECT_THAT(text, HasSubstr("mean of the 1 (a)"));
  EXPECT_THAT(text, HasSubstr("SLO met"));
  EXPECT_THAT(text, HasSubstr("on this machine's clock (phone)"));
}

}  // namespace
}  // namespace elm
