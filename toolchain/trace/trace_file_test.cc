#include "toolchain/trace/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/trace/make_trace.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Trace SmallTrace() {
  MakeTraceOptions options;
  options.alpha = 0.25;
  options.count = 12;
  options.tasks.count = 3;
  return MakeTrace(options);
}

// A trace of one's own, tasks in the file.
json OwnTrace() {
  return json::parse(R"({
    "schema": "elm-trace", "schema_version": 1,
    "apps": [{"app": "Notes", "slo": "ttft=300ms,tpot=40ms"}],
    "tasks": [{"id": "n1", "task": "notes", "question": "Where?", "options": ["hall", "attic"],
               "answer": "hall"}],
    "requests": [{"arrival_s": 0.5, "app": "Notes", "task": "n1"},
                 {"arrival_s": 0.5, "app": "Notes", "task": "n1"}]})");
}

void ExpectRefusal(const std::function<void(json&)>& change, const std::string& message) {
  json file = OwnTrace();
  change(file);
  const Result<Trace> trace = ParseTrace(json::parse(file.dump()), "t.json");
  ASSERT_FALSE(trace.ok()) << message;
  EXPECT_THAT(trace.status().message(), HasSubstr(message));
  EXPECT_THAT(trace.status().message(), HasSubstr("t.json: "));
}

TEST(TraceFileTest, ReadsWhatItWrote) {
  const testing::TemporaryDirectory folder;
  const Trace trace = SmallTrace();
  WriteTrace(folder.Path("t.json"), trace);
  const Trace read = ReadTrace(folder.Path("t.json"));
  EXPECT_EQ(ToJson(read), ToJson(trace));
  EXPECT_EQ(read.requests, trace.requests);
  EXPECT_EQ(read.tasks, trace.tasks);
  EXPECT_EQ(read.built_in, trace.built_in);
}

TEST(TraceFileTest, SaysWhatAlphaMeansAndHowManyRequestsEachAppHas) {
  const json file = ToJson(SmallTrace());
  EXPECT_THAT(file["about"], HasSubstr("alpha > 0 leans to relaxed SLOs"));
  EXPECT_EQ(file["apps"].front()["requests"], 1);
  EXPECT_EQ(file["apps"].back()["requests"], 3);
  EXPECT_EQ(file["apps"].front()["slo"], "ttft=20%,tpot=50%");
}

TEST(TraceFileTest, TakesTracesOfOnesOwn) {
  const Result<Trace> trace = ParseTrace(OwnTrace(), "t.json");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace->requests.size(), 2U);
  EXPECT_EQ(trace->tasks[trace->requests[1].task].answer, "hall");
  EXPECT_EQ(trace->apps[0].slo.ttft->unit, SloBound::Unit::kMilliseconds);
  EXPECT_FALSE(trace->alpha);
  EXPECT_EQ(TraceTitle(*trace), "trace");
}

TEST(TraceFileTest, NamesRowAndFieldOfWhatIsWrong) {
  ExpectRefusal([](json& file) { file["schema"] = "elm-eval"; }, "schema is \"elm-eval\"");
  ExpectRefusal([](json& file) { file["schema_version"] = 2; }, "schema version is 2");
  ExpectRefusal([](json& file) { file["request"] = 1; }, "unknown key \"request\"");
  ExpectRefusal([](json& file) { file["rate"] = 0; }, "rate is 0");
  ExpectRefusal([](json& file) { file["requests"] = json::array(); }, "requests is empty");
  ExpectRefusal([](json& file) { file["requests"] = 3; }, "requests is 3, expected a list");
  ExpectRefusal([](json& file) { file["requests"][1] = 3; }, "requests[1]: is 3");
  ExpectRefusal([](json& file) { file["requests"][1].erase("task"); }, "requests[1]: task");
  ExpectRefusal([](json& file) { file["requests"][1]["task"] = "n2"; },
                "requests[1]: task is \"n2\"");
  ExpectRefusal([](json& file) { file["requests"][1]["app"] = "Note"; }, "did you mean Notes?");
  ExpectRefusal([](json& file) { file["requests"][1]["arrival_s"] = 0.4; },
                "requests[1]: arrival_s is 0.4, expected 0.5 or more");
  ExpectRefusal([](json& file) { file["requests"][0]["arrival_s"] = -1; }, "arrival_s is -1");
  ExpectRefusal([](json& file) { file["requests"][0]["arrival_s"] = "soon"; }, "arrival_s");
  ExpectRefusal([](json& file) { file["requests"][0].erase("arrival_s"); },
                "requests[0]: arrival_s is missing");
  ExpectRefusal([](json& file) { file["apps"][0]["requests"] = 3; },
                "apps[0]: requests is 3, but 2 requests are of \"Notes\"");
  ExpectRefusal([](json& file) { file["apps"].push_back(file["apps"][0]); },
                "apps[1]: app is \"Notes\", which stands above");
  ExpectRefusal([](json& file) { file.erase("tasks"); }, "tasks is missing");
  ExpectRefusal([](json& file) { file["tasks"].push_back(file["tasks"][0]); },
                "tasks[1]: id is \"n1\"");
}

TEST(TraceFileTest, RefusesSlosThatAreNone) {
  for (const char* slo : {"ttft=0%,tpot=70%", "ttft=-5%,tpot=70%", "fast", "", "ttft=40"}) {
    ExpectRefusal([&](json& file) { file["apps"][0]["slo"] = slo; }, "apps[0]: slo: ");
  }
}

// A question with one possible answer measures nothing.
TEST(TraceFileTest, RefusesATaskWithASingleOption) {
  ExpectRefusal([](json& file) { file["tasks"][0]["options"] = {"hall"}; }, "tasks[0]: ");
}

TEST(TraceFileTest, RefusesABuiltInTaskThatIsNotInThePool) {
  json file = ToJson(SmallTrace());
  file["requests"][3]["task"] = "fact-test-1-3";
  const Result<Trace> trace = ParseTrace(file, "t.json");
  ASSERT_FALSE(trace.ok());
  EXPECT_THAT(trace.status().message(), HasSubstr("requests[3]: task is \"fact-test-1-3\""));
}

TEST(TraceFileTest, NamesAFileThatIsNoTrace) {
  const testing::TemporaryDirectory folder;
  EXPECT_THROW(ReadTrace(folder.Path("none.json")), Error);
}

}  // namespace
}  // namespace elm
