// Requests with an SLO as a user runs them: calibrate, run --slo, explain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/model/latency_json.h"
#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using ::testing::StartsWith;

class SloProgram : public ::testing::Test {
 protected:
  // A bundle without a tiny LM, and its table. The latter is measured once.
  static void SetUpTestSuite() {
    directory_ = new testing::TemporaryDirectory();
    ASSERT_TRUE(testing::WriteSmallBundle(Bundle(), testing::SmallContents()).ok());
    const ProgramResult result = Elm({"calibrate", Bundle(), "--seconds", "1", "-t", "1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    calibrated_ = result.out;
    WriteFile("context.txt", "the hen ate an ant\nthe end\n");
    WriteFile("instructions.txt", "read:\n");
    WriteFile("empty.txt", "");
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string Path(const std::string& name) { return directory_->Path(name); }
  static std::string Bundle() { return Path("small.elm"); }
  static std::string Table() { return Bundle() + ".lat.json"; }
  static const std::string& calibrated() { return calibrated_; }

  static std::string WriteFile(const std::string& name, const std::string& contents) {
    std::ofstream(Path(name), std::ios::binary) << contents;
    return Path(name);
  }

  static ProgramResult Elm(std::vector<std::string> words) {
    words.insert(words.begin(), testing::ProgramPath("elm"));
    return testing::RunProgram(words);
  }

  // `elm COMMAND` with a request that is in order, and with `more`.
  static ProgramResult Ask(const std::string& command, const std::string& slo,
                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {command,
                                      Bundle(),
                                      "-t",
                                      "1",
                                      "--slo",
                                      slo,
                                      "-n",
                                      "6",
                                      "--context",
                                      Path("context.txt"),
                                      "--question",
                                      "who?",
                                      "--instructions",
                                      Path("instructions.txt")};
    words.insert(words.end(), more.begin(), more.end());
    return Elm(words);
  }

  static void ExpectFailure(const ProgramResult& result, int exit_code, const std::string& start,
                            const std::string& contains) {
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, StartsWith("elm: " + start + ": "));
    EXPECT_THAT(result.err, HasSubstr(contains));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

 private:
  static inline testing::TemporaryDirectory* directory_ = nullptr;
  static inline std::string calibrated_;
};

constexpr const char* kPrompt = "read:\nthe hen ate an ant\nthe end\nQ: who?\nA:";

TEST_F(SloProgram, CommandsExplainThemselves) {
  for (const char* command : {"calibrate", "explain", "run"}) {
    const ProgramResult result = Elm({command, "--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("Examples:"));
    EXPECT_THAT(result.out, HasSubstr("SLO"));
  }
  EXPECT_THAT(Elm({"--help"}).out, HasSubstr("calibrate  measures"));
}

TEST_F(SloProgram, CalibrateWritesTheTableBesideTheBundle) {
  EXPECT_THAT(calibrated(), HasSubstr(", 1 thread, KV f16"));
  EXPECT_THAT(calibrated(), HasSubstr("written to " + Table()));
  EXPECT_THAT(calibrated(), HasSubstr("\n0.6 "));
  const auto table = ReadLatencyFile(Table());
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_NE(table->bundle_hash, 0U);
  EXPECT_EQ(table->level_permille, (std::vector<uint32_t>{300, 600, 1000}));
  EXPECT_TRUE(table->tlm_tokens.empty());
}

TEST_F(SloProgram, CalibrateAsAsked) {
  const std::string path = Path("own.json");
  const ProgramResult result = Elm({"calibrate", Bundle(), "-o", path, "--seconds", "1", "-t", "1",
                                    "-p", "40,8,20", "--reference", "tiny", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, *ReadFile(path, 1U << 20));
  const auto table = ParseLatencyJson(result.out, "standard output");
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_EQ(table->name, "reference:tiny");
  EXPECT_EQ(table->bundle_hash, 0U);
  EXPECT_EQ(table->ttft_tokens, (std::vector<uint32_t>{8, 20, 40}));
}

TEST_F(SloProgram, CalibrateUsageErrors) {
  ExpectFailure(Elm({"calibrate"}), 2, "usage", "bundle is missing");
  ExpectFailure(Elm({"calibrate", Bundle(), "--quick", "--seconds", "5"}), 2, "usage", "--quick");
  ExpectFailure(Elm({"calibrate", Bundle(), "-p", "16"}), 2, "usage", "at least two");
  ExpectFailure(Elm({"calibrate", Bundle(), "-p", "16,79"}), 2, "usage", "context of 80");
  ExpectFailure(Elm({"calibrate", Bundle(), "-p", "16,many"}), 2, "usage", "16,many");
  ExpectFailure(Elm({"calibrate", Bundle(), "--reference", ""}), 2, "usage", "--reference");
  ExpectFailure(Elm({"calibrate", Path("none.elm")}), 4, "not found", "none.elm");
  ExpectFailure(Elm({"calibrate", Bundle(), "-o", "/nowhere/t.json"}), 4, "not found", "/nowhere");
}

TEST_F(SloProgram, CalibrateKeepsWhatThereIsWhenInterrupted) {
  const std::string path = Path("interrupted.json");
  testing::RunningProgram program({testing::ProgramPath("elm"), "calibrate", Bundle(), "-o", path,
                                   "--seconds", "600", "-t", "1"});
  while (program.Running() && !testing::CatchesInterrupts(program.pid())) usleep(5000);
  kill(program.pid(), SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, HasSubstr("interrupted: stopped"));
  // Nothing but a whole table is ever there.
  EXPECT_EQ(ReadLatencyFile(path).ok(), std::filesystem::exists(path));
}

TEST_F(SloProgram, RunAnswersAndSaysHowItWent) {
  const ProgramResult result = Ask("run", "ttft=100%,tpot=100%");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n"));
  EXPECT_THAT(result.err, StartsWith("level 1.0, 100 % of the prompt ("));
  EXPECT_THAT(result.err, HasSubstr("latencies: " + Table() + ")"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(Ask("run", "ttft=100%,tpot=100%", {"--stats"}).err, HasSubstr("asked"));
}

TEST_F(SloProgram, RunAsJson) {
  const ProgramResult result = Ask("run", "ttft=10000ms,tpot=9s", {"--json", "--ignore-stop"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer.at("schema"), "elm-slo-answer");
  EXPECT_EQ(answer.at("slo"), "ttft=10000ms,tpot=9000ms");
  EXPECT_EQ(answer.at("outcome"), "met");
  EXPECT_EQ(answer.at("decision").at("source"), "everything");
  EXPECT_EQ(answer.at("decision").at("tiny_lm"), "not_needed");
  EXPECT_EQ(answer.at("prompt").at("text"), kPrompt);
  EXPECT_EQ(answer.at("ids").size(), 6U);
  EXPECT_EQ(answer.at("latency_table").at("origin"), Table());
  EXPECT_EQ(answer.at("latency_table").at("reference"), false);
  const json& measured = answer.at("measured");
  const double sum =
      measured.at("tiny_lm_ms").get<double>() + measured.at("selection_ms").get<double>() +
      measured.at("switch_ms").get<double>() + measured.at("prefill_ms").get<double>();
  EXPECT_NEAR(measured.at("ttft_ms").get<double>(), sum, 1e-9);
  EXPECT_GT(measured.at("tpot_ms"), 0);
  EXPECT_FALSE(answer.contains("words"));
}

TEST_F(SloProgram, WithoutATinyLmTheFullPromptIsKept) {
  const json answer = json::parse(Ask("run", "ttft=80%,tpot=80%", {"--json"}).out);
  EXPECT_EQ(answer.at("decision").at("tiny_lm"), "absent");
  EXPECT_EQ(answer.at("prompt").at("text"), kPrompt);
  EXPECT_EQ(answer.at("decision").at("prompt_level"), "1.0");
}

TEST_F(SloProgram, WhatNoPairMeetsIsSaid) {
  const ProgramResult result = Ask("run", "ttft=0.000001ms,tpot=0.000001ms");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr(": slo_infeasible ("));
  const json answer = json::parse(Ask("run", "ttft=0.01%", {"--json"}).out);
  EXPECT_EQ(answer.at("outcome"), "slo_infeasible");
  EXPECT_EQ(answer.at("decision").at("source"), "nearest_miss");
  EXPECT_EQ(answer.at("decision").at("feasible"), false);
  EXPECT_TRUE(answer.at("limits").at("tpot_ms").is_null());
}

TEST_F(SloProgram, ExplainShowsWordsPairsAndReasons) {
  const ProgramResult result = Ask("explain", "ttft=100%,tpot=100%");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("--- instructions (protected)\n| read:\n"));
  EXPECT_THAT(result.out, HasSubstr("--- context\nthe hen ate an ant\nthe end\n"));
  EXPECT_THAT(result.out, HasSubstr("--- question (protected)\n| who?\n"));
  EXPECT_THAT(result.out, HasSubstr("100 %"));
  EXPECT_THAT(result.out, HasSubstr("* chosen"));
  EXPECT_THAT(result.out, HasSubstr("The SLO allows the full model on the full prompt"));
  EXPECT_THAT(result.out, HasSubstr("asked"));
  EXPECT_THAT(result.out, HasSubstr("--- answer\n"));
  EXPECT_THAT(Ask("explain", "ttft=100%", {"--no-answer"}).out, Not(HasSubstr("--- answer")));
  EXPECT_THAT(Ask("explain", "ttft=100%", {"--colour", "always"}).out,
              HasSubstr("\x1b[36mread:\x1b[0m\n"));
  EXPECT_THAT(Ask("explain", "ttft=100%", {"--force", "an ant"}).out,
              HasSubstr("the hen ate {+an ant+}\n"));
}

TEST_F(SloProgram, ExplainAsJson) {
  const json plain = json::parse(Ask("explain", "tpot=60%", {"--json", "--no-answer"}).out);
  EXPECT_EQ(plain.at("words").size(), 7U);
  EXPECT_EQ(plain.at("words")[1].at("text"), "hen");
  EXPECT_EQ(plain.at("words")[1].at("kept"), true);
  EXPECT_TRUE(plain.at("words")[1].at("score").is_null());
  EXPECT_EQ(plain.at("pairs").size(), 3U);
  EXPECT_EQ(plain.at("pairs")[2].at("model_level"), "1.0");
  EXPECT_FALSE(plain.contains("measured"));
  EXPECT_TRUE(json::parse(Ask("explain", "tpot=60%", {"--json"}).out).contains("measured"));
}

TEST_F(SloProgram, BadSlos) {
  for (const char* command : {"run", "explain"}) {
    ExpectFailure(Ask(command, "ttft=0%"), 2, "usage", "ttft is 0 %");
    ExpectFailure(Ask(command, "ttft=40%,tpot=-3ms"), 2, "usage", "tpot is -3 ms");
    ExpectFailure(Ask(command, "fast"), 2, "usage", "\"fast\" is no bound");
  }
}

TEST_F(SloProgram, BadRequests) {
  const std::vector<std::string> base = {"run", Bundle(), "-t", "1", "--slo", "ttft=50%"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return Elm(more);
  };
  ExpectFailure(with({}), 2, "usage", "--question is missing");
  ExpectFailure(with({"--question", ""}), 2, "usage", "--question is empty");
  ExpectFailure(with({"-p", "the"}), 2, "usage", "--prompt does not go with --slo");
  ExpectFailure(with({"--question", "a", "--level", "0.3"}), 2, "usage", "--level");
  ExpectFailure(with({"--question", "a", "--context", Path("none.txt")}), 4, "not found",
                "none.txt");
  ExpectFailure(with({"--question", "a\xff"}), 2, "usage", "question: byte 1");
  ExpectFailure(with({"--question", std::string(500, 'q')}), 2, "usage", "the context holds 80");
  ExpectFailure(Elm({"run", Bundle(), "-p", "a", "--question", "b"}), 2, "usage",
                "--question goes with --slo");
  ExpectFailure(Elm({"explain", Bundle(), "--question", "b"}), 2, "usage", "--slo is missing");
  EXPECT_EQ(with({"--question", "who?", "--context", Path("empty.txt")}).exit_code, 0);
}

TEST_F(SloProgram, TablesOfOtherBundlesAndDevices) {
  auto table = *ReadLatencyFile(Table());
  const auto with = [&] {
    const std::string path = WriteFile("other.json", LatencyJson(table));
    return Ask("run", "ttft=50%", {"--latency", path});
  };
  table.bundle_hash ^= 1;
  ExpectFailure(with(), 2, "usage", "other.json: measured with another bundle");
  table.bundle_hash ^= 1;
  table.name = "Another CPU, 1 thread, KV f16";
  ExpectFailure(with(), 2, "usage", "measured on \"Another CPU, 1 thread, KV f16\", this is \"");
  ExpectFailure(Ask("run", "ttft=50%", {"--latency", WriteFile("bad.json", "{}")}), 3, "corruption",
                "bad.json: schema is missing");
  ExpectFailure(Ask("run", "ttft=50%", {"--latency", Path("none.json")}), 4, "not found",
                "none.json");
  ExpectFailure(Ask("run", "ttft=50%", {"--kv", "q8"}), 2, "usage", "KV q8");
  // A reference fits all, and it is said that it was not measured here.
  table.name = "reference:elsewhere";
  table.bundle_hash = 0;
  const ProgramResult result = with();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("not measured here"));
}

TEST_F(SloProgram, WithoutAnyTable) {
  const std::string path = Path("alone.elm");
  std::filesystem::copy_file(Bundle(), path);
  ExpectFailure(Elm({"run", path, "--slo", "ttft=50%", "--question", "a"}), 2, "usage",
                "run `elm calibrate");
}

TEST_F(SloProgram, ContextStillCountsTokensWithoutAnSlo) {
  const ProgramResult result =
      Elm({"run", Bundle(), "-p", "the", "-n", "100", "--context", "9", "--ignore-stop"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("--context-tokens"));
  EXPECT_EQ(Elm({"run", Bundle(), "-p", "the", "-n", "100", "-c", "9", "--ignore-stop"}).out,
            result.out);
}

}  // namespace
}  // namespace elm
