// `elmc trace` as its users meet it, but for playing traces, which takes a bundle with a tiny LM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::elm::testing::ProgramResult;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TraceCommandTest : public ::testing::Test {
 protected:
  static ProgramResult Trace(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {testing::ProgramPath("elmc"), "trace"});
    return testing::RunProgram(arguments);
  }

  static std::string Accepted(const std::vector<std::string>& arguments) {
    const ProgramResult result = Trace(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }

  // One line on standard error that holds `text`.
  static void ExpectRefusal(const std::vector<std::string>& arguments, int exit_code,
                            const std::string& text) {
    const ProgramResult result = Trace(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  std::string Contents(const std::string& name) const {
    std::ifstream file(folder_.Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  testing::TemporaryDirectory folder_;
};

TEST_F(TraceCommandTest, HelpTeaches) {
  EXPECT_THAT(Accepted({"--help"}), HasSubstr("elmc trace make --alpha 0.25"));
  for (const char* word : {"--alpha", "--published", "--pool", "strictest", "Examples"}) {
    EXPECT_THAT(Accepted({"make", "--help"}), HasSubstr(word));
  }
  for (const char* word : {"--economics", "--latency", "--baselines", "--seeds", "SLO met"}) {
    EXPECT_THAT(Accepted({"run", "--help"}), HasSubstr(word));
  }
}

TEST_F(TraceCommandTest, MakeWritesTheSameFileAgain) {
  const auto make = [&](const std::string& seed, const std::string& name) {
    return Accepted({"make", "--alpha", "0.25", "--count", "60", "--seed", seed, "--pool", "20",
                     "-o", folder_.Path(name)});
  };
  EXPECT_THAT(make("1", "a.json"), HasSubstr("60 requests in"));
  make("1", "b.json");
  make("2", "c.json");
  EXPECT_EQ(Contents("a.json"), Contents("b.json"));
  EXPECT_NE(Contents("a.json"), Contents("c.json"));
  const nlohmann::json trace = nlohmann::json::parse(Contents("a.json"));
  EXPECT_EQ(trace["requests"].size(), 60U);
  EXPECT_LT(trace["apps"].front()["requests"], trace["apps"].back()["requests"]);
}

TEST_F(TraceCommandTest, PublishedTracesBecomeTraces) {
  std::ofstream(folder_.Path("p.json"))
      << R"([["What shines?", ["sun", "coal"], "A", [0.8, 0.9], 0, "ARC_E"]])";
  EXPECT_THAT(
      Accepted({"make", "--published", folder_.Path("p.json"), "-o", folder_.Path("t.json")}),
      HasSubstr("1 requests"));
  EXPECT_THAT(Contents("t.json"), HasSubstr("What shines?"));
}

TEST_F(TraceCommandTest, WhatCannotBeMadeIsRefusedInOneLine) {
  const std::string path = folder_.Path("t.json");
  ExpectRefusal({"make", "--alpha", "99", "-o", path}, 2, "alpha is 99");
  ExpectRefusal({"make", "--count", "0", "-o", path}, 2, "count is 0");
  ExpectRefusal({"make", "--rate", "-1", "-o", path}, 2, "rate is -1");
  ExpectRefusal({"make", "--split", "tset", "-o", path}, 2, "tset");
  ExpectRefusal({"make", "--content", "mine", "-o", path}, 2, "own or pocket");
  ExpectRefusal({"make", "--published", folder_.Path("none"), "-o", path}, 4, "none");
  ExpectRefusal({"make"}, 2, "--output");
  ExpectRefusal({"mak"}, 2, "did you mean make?");
  ExpectRefusal({}, 2, "make or run");
  EXPECT_THAT(folder_.Entries(), IsEmpty());
}

TEST_F(TraceCommandTest, RunSaysWhatItNeeds) {
  ExpectRefusal({"run", "model.elm"}, 2, "--latency FILE, --economics FILE");
  ExpectRefusal({"run", "model.elm", "--latency", "x"}, 2, "the traces to play");
  ExpectRefusal({"run", "model.elm", "--latency", "x", "--trace", folder_.Path("none")}, 4, "none");
  std::ofstream(folder_.Path("bad.json")) << R"({"schema": "elm-trace", "schema_version": 1,
    "apps": [{"app": "A", "slo": "ttft=0%,tpot=5%"}], "tasks": [], "requests": []})";
  ExpectRefusal({"run", "model.elm", "--latency", "x", "--trace", folder_.Path("bad.json")}, 3,
                "apps[0]: slo: SLO: ttft is 0 %");
}

}  // namespace
}  // namespace elm
