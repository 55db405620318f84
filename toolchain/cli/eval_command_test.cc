// `elmc eval` as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
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
using ::testing::Not;

class EvalCommandTest : public ::testing::Test {
 protected:
  // A model of random weights, made once for all tests.
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryDirectory();
    const ProgramResult made = Elmc({"synth", "--shape", "4m", "--adapters", "0", "-o", Model()});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Path(const std::string& name) { return folder_->Path(name); }
  static std::string Model() { return Path("model.elm"); }

  static ProgramResult Elmc(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::ProgramPath("elmc"));
    return testing::RunProgram(arguments);
  }

  static ProgramResult Eval(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"eval", Model(), "--quiet"});
    return Elmc(std::move(arguments));
  }

  static ProgramResult Accepted(const std::vector<std::string>& arguments) {
    ProgramResult result = Eval(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }

  // One line on standard error that holds `text`.
  static void ExpectRefusal(const std::vector<std::string>& arguments, int exit_code,
                            const std::string& text) {
    const ProgramResult result = Eval(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  static std::string Contents(const std::string& name) {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void Write(const std::string& name, const std::string& contents) {
    std::ofstream(Path(name), std::ios::binary) << contents;
  }

  // Three short questions, of which the last does not fit 2048 characters when `long_one`.
  static void WriteQuestions(const std::string& name, bool long_one) {
    std::string lines;
    for (int i = 0; i < 3; ++i) {
      nlohmann::json task = {
          {"id", "q-" + std::to_string(i)}, {"task", "own"},   {"question", "one or two?"},
          {"options", {"one", "two"}},      {"answer", "two"}, {"context", {"two it is"}}};
      if (long_one && i == 2) task["context"] = {std::string(2040, 'x')};
      lines += task.dump() + "\n";
    }
    Write(name, lines);
  }

  static testing::TemporaryDirectory* folder_;
};

testing::TemporaryDirectory* EvalCommandTest::folder_ = nullptr;

TEST_F(EvalCommandTest, HelpTeaches) {
  const ProgramResult help = Elmc({"eval", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word : {"--tasks", "--levels", "--drop", "--engine", "--json", "pocket:app,fact",
                           "ppl:FILE", "Examples"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  EXPECT_THAT(Elmc({"--help"}).out, HasSubstr("eval"));
}

TEST_F(EvalCommandTest, BothEnginesFindTheSame) {
  const std::vector<std::string> arguments = {
      "--tasks", "pocket:fact,continue", "--count", "3", "--levels", "0.2,1.0"};
  for (const char* engine : {"libtorch", "runtime"}) {
    std::vector<std::string> more = arguments;
    more.insert(more.end(), {"--engine", engine, "--json", Path(engine)});
    const ProgramResult result = Accepted(more);
    EXPECT_THAT(result.out, HasSubstr("fact: 3 tasks of pocket:fact,continue"));
    EXPECT_THAT(result.out, HasSubstr("paired standard error"));
  }
  const nlohmann::json torch = nlohmann::json::parse(Contents("libtorch"));
  const nlohmann::json runtime = nlohmann::json::parse(Contents("runtime"));
  EXPECT_EQ(torch["conditions"]["engine"], "libtorch");
  EXPECT_EQ(torch["families"], runtime["families"]);
  EXPECT_EQ(torch["model"], runtime["model"]);
  ASSERT_EQ(torch["levels"].size(), 2U);
  for (size_t level = 0; level < 2; ++level) {
    for (const char* family : {"fact", "continue"}) {
      const nlohmann::json& one = torch["levels"][level]["families"][family];
      const nlohmann::json& other = runtime["levels"][level]["families"][family];
      EXPECT_EQ(one["correct"], other["correct"]);
      EXPECT_NEAR(one["nll"].get<double>(), other["nll"].get<double>(), 1e-4);
    }
  }
}

TEST_F(EvalCommandTest, BothEnginesApplyAdapters) {
  // With adapters and, from the same seed, without.
  const auto losses = [&](const char* rank, const char* engine) {
    const std::string path = Path(std::string("rank") + rank + ".elm");
    EXPECT_EQ(
        Elmc({"synth", "--shape", "4m", "--layers", "1", "--adapters", rank, "-o", path}).exit_code,
        0);
    const std::string json = Path(std::string(rank) + engine + ".json");
    const ProgramResult result = Elmc({"eval", path, "--tasks", "pocket:continue", "--count", "3",
                                       "--levels", "0.2", "--engine", engine, "--json", json});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const nlohmann::json report =
        nlohmann::json::parse(Contents(std::string(rank) + engine + ".json"));
    return report["levels"][0]["families"]["continue"]["nll"].get<double>();
  };
  const double torch = losses("8", "libtorch");
  EXPECT_NEAR(torch, losses("8", "runtime"), 1e-3);
  EXPECT_GT(std::abs(torch - losses("0", "libtorch")), 2e-3) << "the adapter changes nothing";
}

TEST_F(EvalCommandTest, TheSameCommandGivesTheSameBytesWhereverItsFilesLie) {
  WriteQuestions("own.jsonl", false);
  std::filesystem::create_directory(Path("elsewhere"));
  WriteQuestions("elsewhere/own.jsonl", false);
  for (const std::string folder : {"", "elsewhere/"}) {
    (void)Accepted({"--tasks", Path(folder + "own.jsonl"), "--levels", "0.3", "--threads",
                    folder.empty() ? "1" : "2", "--json", Path(folder + "found.json")});
  }
  EXPECT_EQ(Contents("found.json"), Contents("elsewhere/found.json"));
  EXPECT_THAT(Contents("found.json"), Not(HasSubstr(folder_->path())));
}

TEST_F(EvalCommandTest, LevelsThatAreMeasuredAlreadyAreKept) {
  WriteQuestions("kept.jsonl", false);
  const auto evaluate = [](const std::string& levels) {
    return Elmc({"eval", Model(), "--tasks", Path("kept.jsonl"), "--levels", levels, "--json",
                 Path("kept.json")});
  };
  ASSERT_EQ(evaluate("0.3").exit_code, 0);
  // A mark in the file shows whether its level was measured again.
  nlohmann::json marked = nlohmann::json::parse(Contents("kept.json"));
  marked["levels"][0]["families"]["own"]["nll"] = 0.125;
  Write("kept.json", marked.dump());
  EXPECT_THAT(evaluate("0.3,0.5").err, HasSubstr("1 of 2 levels"));
  const nlohmann::json both = nlohmann::json::parse(Contents("kept.json"));
  ASSERT_EQ(both["levels"].size(), 2U);
  EXPECT_EQ(both["levels"][0]["families"]["own"]["nll"], 0.125);
  const ProgramResult one = evaluate("0.5");  // prints what it is asked for, and drops nothing
  EXPECT_THAT(one.out, Not(HasSubstr("\n0.3 ")));
  EXPECT_EQ(nlohmann::json::parse(Contents("kept.json")), both);

  WriteQuestions("kept.jsonl", true);  // other questions
  EXPECT_THAT(evaluate("0.3").err, HasSubstr("q-2"));
  Write("kept.json", "no report");
  WriteQuestions("kept.jsonl", false);
  EXPECT_THAT(evaluate("0.3").err, HasSubstr("it will be replaced"));
  EXPECT_NE(nlohmann::json::parse(Contents("kept.json"))["levels"][0]["families"]["own"]["nll"],
            0.125);
}

TEST_F(EvalCommandTest, LatencyStandsBesideAccuracy) {
  WriteQuestions("timed.jsonl", false);
  const ProgramResult result = Accepted({"--tasks", Path("timed.jsonl"), "--levels", "0.2,1.0",
                                         "--latency", "--json", Path("timed.json")});
  EXPECT_THAT(result.out, HasSubstr("256 tokens in, 32 out, medians of 15"));
  const nlohmann::json json = nlohmann::json::parse(Contents("timed.json"));
  EXPECT_LT(json["levels"][0]["latency"]["ttft_ms"], json["levels"][1]["latency"]["ttft_ms"]);
}

TEST_F(EvalCommandTest, TextsHaveALossAtEveryLevel) {
  std::string text;
  for (int line = 0; line < 60; ++line) text += "Line " + std::to_string(line) + " of a text.\n";
  Write("text.txt", text);
  const ProgramResult result =
      Accepted({"--tasks", "ppl:" + Path("text.txt"), "--levels", "0.5,1.0", "--windows", "4",
                "--window-tokens", "33", "--json", Path("texts.json")});
  EXPECT_THAT(result.out, HasSubstr("text.txt: 4 windows of 33 tokens"));
  EXPECT_THAT(result.out, HasSubstr("perplexity"));
  const nlohmann::json json = nlohmann::json::parse(Contents("texts.json"));
  for (const nlohmann::json& level : json["levels"]) {
    // Random weights know nothing of 2048 pieces.
    EXPECT_NEAR(level["texts"]["text.txt"]["nll"].get<double>(), 8, 2);
    EXPECT_FALSE(level.contains("mean"));
  }
  ExpectRefusal({"--tasks", "ppl:" + Path("none.txt")}, 4, "none.txt");
  ExpectRefusal({"--tasks", "ppl:" + Path("text.txt"), "--window-tokens", "4096"}, 2,
                "2 to the model's context of 2048 tokens");
  ExpectRefusal({"--tasks", "ppl:" + Path("text.txt"), "--window-tokens", "1"}, 2, "expected 2 to");
  ExpectRefusal({"--tasks", "ppl:" + Path("text.txt"), "--windows", "0"}, 2, "--windows is 0");
}

TEST_F(EvalCommandTest, DroppedWordsAreACondition) {
  const std::vector<std::string> arguments = {"--tasks",  "pocket:fact", "--count", "2",
                                              "--levels", "0.2",         "--keep",  "0.25"};
  std::vector<std::string> more = arguments;
  more.insert(more.end(), {"--drop", "unneeded", "--json", Path("dropped.json")});
  EXPECT_THAT(Accepted(more).out, HasSubstr("25% of the context's words kept (unneeded"));
  const nlohmann::json json = nlohmann::json::parse(Contents("dropped.json"));
  EXPECT_EQ(json["conditions"]["drop"], "unneeded");
  EXPECT_EQ(json["conditions"]["keep"], 0.25);

  ExpectRefusal(arguments, 2, "give --drop random");
  ExpectRefusal({"--tasks", "pocket", "--drop", "all"}, 2, "none, random, unneeded");
  ExpectRefusal({"--tasks", "pocket", "--drop", "random", "--keep", "0"}, 2, "--keep is 0");
  WriteQuestions("unmarked.jsonl", false);
  ExpectRefusal({"--tasks", Path("unmarked.jsonl"), "--drop", "unneeded"}, 2, "task q-0: does not");
}

TEST_F(EvalCommandTest, ATaskBeyondTheContextIsNamedOrSkipped) {
  WriteQuestions("long.jsonl", true);
  ExpectRefusal({"--tasks", Path("long.jsonl")}, 2, "task q-2: prompt and longest answer have 20");
  EXPECT_THAT(Accepted({"--tasks", Path("long.jsonl"), "--skip-long", "--levels", "0.2"}).out,
              HasSubstr("own: 2 tasks of long.jsonl, 1 too long and skipped"));
}

TEST_F(EvalCommandTest, WrongUsageIsOneLine) {
  ExpectRefusal({"--tasks", "poket"}, 2, "did you mean pocket?");
  ExpectRefusal({"--tasks", "pocket:apps"}, 2, "app");
  ExpectRefusal({"--tasks", "pocket,"}, 2, "empty name");
  ExpectRefusal({"--tasks", "pocket", "--levels", "0.55"}, 2, "0.2, 0.3");
  ExpectRefusal({"--tasks", "pocket", "--split", "exam"}, 2, "exam");
  ExpectRefusal({"--tasks", "pocket", "--engine", "gpu"}, 2, "libtorch, runtime");
  ExpectRefusal({"--tasks", "pocket", "--engine", "runtime", "--dtype", "bfloat16"}, 2, "libtorch");
  ExpectRefusal({"--tasks", "pocket", "--batch", "0"}, 2, "--batch is 0");
  ExpectRefusal({"--tasks", "pocket", "--json", Path("missing/found.json")}, 4, "found.json");
  ExpectRefusal({}, 2, "--tasks");
}

TEST_F(EvalCommandTest, EvaluationsAreComparedAndOtherQuestionsRefused) {
  const std::string path = Path("model.elm");
  ASSERT_EQ(Elmc({"synth", "--shape", "4m", "--layers", "1", "-o", path}).exit_code, 0);
  const auto evaluate = [&](const char* seed, const std::string& json) {
    const ProgramResult result =
        Elmc({"eval", path, "--tasks", "pocket:fact", "--count", "4", "--levels", "0.5,1.0",
              "--seed", seed, "--json", Path(json)});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  evaluate("1", "before.json");
  evaluate("1", "after.json");
  evaluate("2", "other.json");
  const ProgramResult same = Elmc({"compare", Path("before.json"), Path("after.json")});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("2 compared, 0 regressions"));
  const ProgramResult other = Elmc({"compare", Path("before.json"), Path("other.json")});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("the seed is 2, but in"));
  const ProgramResult bad =
      Elmc({"compare", Path("before.json"), Path("after.json"), "--max-slowdown", "slow"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("--max-slowdown"));
}

}  // namespace
}  // namespace elm
