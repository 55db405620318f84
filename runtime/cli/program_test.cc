// The program as a user runs it: exit codes, one line per failure, what is printed.
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
#include "runtime/cli/threads_flag.h"
#include "runtime/engine/testing/reciting_model.h"
#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::ProgramResult;
using ::testing::StartsWith;

class Program : public ::testing::Test {
 protected:
  // One small random bundle for all tests of the suite.
  static void SetUpTestSuite() {
    directory_ = new testing::TemporaryDirectory();
    ASSERT_TRUE(testing::WriteSmallBundle(Bundle(), testing::SmallContents()).ok());
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string Path(const std::string& name) { return directory_->Path(name); }
  static std::string Bundle() { return Path("small.elm"); }

  static ProgramResult Elm(std::vector<std::string> words) {
    words.insert(words.begin(), testing::ProgramPath("elm"));
    return testing::RunProgram(words);
  }

  static void ExpectFailure(const ProgramResult& result, int exit_code, const std::string& start,
                            const std::string& contains = "") {
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, StartsWith("elm: " + start + ": "));
    EXPECT_THAT(result.err, HasSubstr(contains));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  static std::string WriteFile(const std::string& name, const std::string& contents) {
    std::ofstream(Path(name), std::ios::binary) << contents;
    return Path(name);
  }
  static std::string BundleBytes() { return *ReadFile(Bundle(), 1U << 30); }

 private:
  static inline testing::TemporaryDirectory* directory_ = nullptr;
};

TEST_F(Program, ExplainsItself) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--help"},
                                                                 {"help"},
                                                                 {"run", "--help"},
                                                                 {"bench", "--help"},
                                                                 {"info", "-h"},
                                                                 {"verify", "--help"}}) {
    const auto result = Elm(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, HasSubstr("Usage: elm"));
    EXPECT_THAT(result.out, HasSubstr("Exit codes"));
  }
  EXPECT_THAT(Elm({"--version"}).out, MatchesRegex("elm [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(Program, UsageErrors) {
  ExpectFailure(Elm({}), 2, "usage", "elm --help");
  ExpectFailure(Elm({"rum"}), 2, "usage", "did you mean run?");
  ExpectFailure(Elm({"run", "--levle", "1.0", Bundle()}), 2, "usage", "did you mean --level?");
  ExpectFailure(Elm({"run", Bundle()}), 2, "usage", "--prompt");
  ExpectFailure(Elm({"run", "-p", "a", "--prompt-file", "b", Bundle()}), 2, "usage", "--prompt");
  ExpectFailure(Elm({"run", "-p", "a"}), 2, "usage", "bundle is missing");
  ExpectFailure(Elm({"run", "-p", "a", Bundle(), "other"}), 2, "usage", "other");
  ExpectFailure(Elm({"run", "-p", "a", "-n", "many", Bundle()}), 2, "usage", "many");
  ExpectFailure(Elm({"run", "-p", "a", "--top-p", "2", Bundle()}), 2, "usage", "top-p");
  ExpectFailure(Elm({"run", "-p", "a", "-c", "100000", Bundle()}), 2, "usage", "100000");
}

TEST_F(Program, UnknownLevelListsTheNames) {
  ExpectFailure(Elm({"run", "-p", "a", "--level", "0.5", Bundle()}), 2, "usage", "0.3, 0.6, 1.0");
  ExpectFailure(Elm({"bench", "--levels", "1.0,0.5", Bundle()}), 2, "usage", "0.3, 0.6, 1.0");
}

TEST_F(Program, TooLongPromptSaysHowLong) {
  const std::string prompt(500, 'q');
  ExpectFailure(Elm({"run", "-p", prompt, Bundle()}), 2, "usage",
                "502 tokens, the context holds 80");
}

TEST_F(Program, PromptThatIsNotText) {
  ExpectFailure(Elm({"run", "-p", "ab\xff", Bundle()}), 2, "usage", "byte 2");
}

TEST_F(Program, MissingFiles) {
  for (const char* command : {"info", "verify"}) {
    ExpectFailure(Elm({command, Path("none.elm")}), 4, "not found", "none.elm");
  }
  ExpectFailure(Elm({"run", "-p", "a", Path("none.elm")}), 4, "not found", "none.elm");
  ExpectFailure(Elm({"run", "--prompt-file", Path("none.txt"), Bundle()}), 4, "not found",
                "none.txt");
}

TEST_F(Program, TruncatedAndOverlongBundles) {
  const std::string bytes = BundleBytes();
  const std::string contents[] = {bytes.substr(0, bytes.size() - 1),
                                  bytes.substr(0, 100),
                                  bytes.substr(0, 10),
                                  "",
                                  bytes + "x",
                                  "plain text, no bundle"};
  for (const std::string& damaged : contents) {
    const std::string path = WriteFile("damaged.elm", damaged);
    ExpectFailure(Elm({"info", path}), 3, "corruption", "damaged.elm");
    ExpectFailure(Elm({"run", "-p", "a", path}), 3, "corruption", "damaged.elm");
  }
}

TEST_F(Program, DamagedWeightIsFoundByVerifyAndCheck) {
  std::string bytes = BundleBytes();
  bytes[bytes.size() - 64] = static_cast<char>(bytes[bytes.size() - 64] ^ 4);
  const std::string path = WriteFile("flipped.elm", bytes);
  EXPECT_EQ(Elm({"info", path}).exit_code, 0);
  ExpectFailure(Elm({"verify", path}), 3, "corruption", "lm_head.weight");
  ExpectFailure(Elm({"run", "--check", "-p", "a", path}), 3, "corruption", "lm_head.weight");
}

TEST_F(Program, VerifySaysOk) {
  const auto result = Elm({"verify", Bundle()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("small.elm: ok"));
}

TEST_F(Program, InfoShowsTheModel) {
  const auto text = Elm({"info", Bundle()});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("SentencePiece"));
  EXPECT_THAT(text.out, HasSubstr("0.6"));

  const auto json = Elm({"info", "--json", "--time", Bundle()});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto info = nlohmann::json::parse(json.out);
  EXPECT_EQ(info.at("model").at("neurons"), 172);
  EXPECT_EQ(info.at("levels").size(), 3U);
  EXPECT_EQ(info.at("levels")[0].at("name"), "0.3");
  EXPECT_EQ(info.at("levels")[0].at("layers")[1].at("query_heads"), 0);
  EXPECT_EQ(info.at("tokenizer_pieces"), testing::TinyPieces().size());
  EXPECT_GT(info.at("open_us"), 0);
  EXPECT_GT(info.at("switch_us"), 0);
  EXPECT_LT(info.at("switch_us"), 100);
  EXPECT_GT(info.at("resident_bytes"), 0);
}

TEST_F(Program, MoreThreadsThanCores) {
  const uint32_t cores = UsableCores();
  for (const char* command : {"run", "bench"}) {
    std::vector<std::string> words = {command, Bundle(), "-t", std::to_string(cores + 1)};
    if (words[0] == "run") words.insert(words.end(), {"-p", "a"});
    ExpectFailure(
        Elm(words), 2, "usage",
        StrCat("--threads is ", cores + 1, ", there ", cores == 1 ? "is " : "are ", cores));
  }
}

TEST_F(Program, ThreadsDoNotChangeTheAnswer) {
  const std::vector<std::string> run = {"run", Bundle(), "-p", "the", "-n", "8", "-t"};
  auto one = run, all = run;
  one.emplace_back("1");
  all.emplace_back("0");
  const auto result = Elm(one);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Elm(all).out, result.out);
}

TEST_F(Program, BenchMeasuresLevels) {
  const std::vector<std::string> bench = {"bench", Bundle(),   "-p",      "8,32", "-n", "4", "-r",
                                          "2",     "--levels", "0.3,1.0", "-t",   "1",  "-o"};
  const auto with = [&](const std::string& format) {
    auto words = bench;
    words.push_back(format);
    const auto result = Elm(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  const auto json = nlohmann::json::parse(with("json"));
  EXPECT_EQ(json.at("schema"), "elm-bench");
  EXPECT_EQ(json.at("model").at("path"), Bundle());
  EXPECT_EQ(json.at("machine").at("threads"), 1);
  EXPECT_EQ(json.at("interrupted"), false);
  std::vector<std::string> names;
  for (const auto& row : json.at("rows")) {
    names.push_back(
        StrCat(row.at("test").get<std::string>(), " ", row.at("level").get<std::string>()));
    EXPECT_EQ(row.at("seconds").size(), 2U);
    EXPECT_GT(row.at("share_of_operations"), 0);
  }
  EXPECT_THAT(names,
              ElementsAre("pp8 0.3", "pp8 1.0", "pp32 0.3", "pp32 1.0", "tg4 0.3", "tg4 1.0"));
  EXPECT_THAT(with("md"), HasSubstr("| pp32 | 1.0   |"));
  EXPECT_THAT(with("csv"), HasSubstr("\ntg4,0.3,"));
}

TEST_F(Program, BenchUsageErrors) {
  ExpectFailure(Elm({"bench"}), 2, "usage", "bundle is missing");
  ExpectFailure(Elm({"bench", "-r", "0", Bundle()}), 2, "usage", "--repeats is 0");
  ExpectFailure(Elm({"bench", "-p", "81", Bundle()}), 2, "usage", "the context holds 80");
  ExpectFailure(Elm({"bench", "-n", "9", "-p", "0", "-c", "8", Bundle()}), 2, "usage",
                "the context holds 8");
  ExpectFailure(Elm({"bench", "-o", "xml", Bundle()}), 2, "usage", "md, json or csv");
  ExpectFailure(Elm({"bench", "--adapters", "both", Bundle()}), 2, "usage",
                "none of these levels has an adapter");
  ExpectFailure(Elm({"bench", Path("none.elm")}), 4, "not found", "none.elm");
}

TEST_F(Program, BenchCanBeInterrupted) {
  testing::RunningProgram program(
      {testing::ProgramPath("elm"), "bench", Bundle(), "-p", "0", "-n", "64", "-r", "1000"});
  while (program.Running() && !testing::CatchesInterrupts(program.pid())) usleep(5000);
  kill(program.pid(), SIGINT);
  const auto result = program.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, MatchesRegex("elm: interrupted: stopped after [0-9]+ of 1000 repeats\n"));
}

TEST_F(Program, InfoAboutTheCpu) {
  const auto text = Elm({"info", "--cpu"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("scalar"));
  EXPECT_THAT(text.out, HasSubstr("<- chosen"));
  EXPECT_THAT(text.out, HasSubstr("ELM_FORCE_ISA"));
  const auto json = nlohmann::json::parse(Elm({"info", "--cpu", "--json"}).out);
  EXPECT_EQ(json.at("usable_cores"), UsableCores());
  EXPECT_TRUE(json.at("forced").is_null());
  size_t chosen = 0;
  for (const auto& kernels : json.at("kernels")) {
    if (!kernels.at("chosen")) continue;
    ++chosen;
    EXPECT_TRUE(kernels.at("supported"));
  }
  EXPECT_EQ(chosen, 1U);
  ExpectFailure(Elm({"info", "--cpu", Bundle()}), 2, "usage", "--cpu");
}

TEST_F(Program, ForcedKernels) {
  const auto forced = [](const std::string& isa, const std::string& words) {
    return testing::RunProgram(
        {"/bin/bash", "-c",
         StrCat("ELM_FORCE_ISA=", isa, " exec ", testing::ProgramPath("elm"), " ", words)});
  };
  EXPECT_THAT(forced("scalar", "info --cpu").out,
              HasSubstr("scalar  plain C++ <- chosen\nELM_FORCE_ISA=scalar has chosen.\n"));
  const std::string bench = StrCat("bench ", Bundle(), " -p 4 -n 0 -r 1 -o json");
  const auto result = forced("scalar", bench);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("machine").at("kernels"), "scalar");
  // What is wrong with the choice is said, and the list of what there is stays readable.
  ExpectFailure(forced("mmx", bench), 2, "usage", "mmx");
  EXPECT_THAT(forced("mmx", "info --cpu").out, HasSubstr("\nusage: ELM_FORCE_ISA"));
}

TEST_F(Program, RunsEveryLevelReproducibly) {
  for (const char* level : {"0.3", "60%", "1.0"}) {
    const std::vector<std::string> words = {"run", Bundle(), "--level", level,           "-p",
                                            "the", "-n",     "12",      "--temperature", "0.9",
                                            "-s",  "4",      "--json",  "--ignore-stop"};
    const auto first = Elm(words);
    ASSERT_EQ(first.exit_code, 0) << first.err;
    const auto answer = nlohmann::json::parse(first.out);
    EXPECT_EQ(answer.at("ids").size(), 12U);
    EXPECT_EQ(answer.at("finish"), "length");
    EXPECT_GT(answer.at("ttft_ms"), 0);
    EXPECT_GT(answer.at("peak_resident_bytes"), 0);
    EXPECT_EQ(nlohmann::json::parse(Elm(words).out).at("ids"), answer.at("ids"));
  }
}

TEST_F(Program, PrintsTheContinuationAndTheStats) {
  const std::string path = Path("reciting.elm");
  const testing::Script script = {{testing::TinyId("\xe2\x96\x81the"), testing::TinyId("b")},
                                  {testing::TinyId("b"), testing::TinyId("an")},
                                  {testing::TinyId("an"), 2}};
  ASSERT_TRUE(testing::WriteRecitingBundle(path, testing::RecitingContents(), script).ok());
  EXPECT_EQ(Elm({"run", path, "-p", "the"}).out, "ban\n");
  EXPECT_EQ(Elm({"run", path, "-p", "the", "--echo"}).out, "theban\n");
  const std::string prompt = WriteFile("prompt.txt", "the\n");
  const auto result = Elm({"run", path, "--prompt-file", prompt, "--stats"});
  EXPECT_EQ(result.out, "ban\n");
  EXPECT_THAT(result.err, HasSubstr("2 prompt tokens, 2 generated, finish: stop"));
}

TEST_F(Program, StopTextsEndTheContinuation) {
  const std::string path = Path("counting.elm");
  testing::Script script = {{testing::TinyId("\xe2\x96\x81the"), testing::TinyId("a")}};
  for (char letter = 'a'; letter < 'h'; ++letter) {
    script[testing::TinyId(std::string(1, letter))] =
        testing::TinyId(std::string(1, static_cast<char>(letter + 1)));
  }
  ASSERT_TRUE(testing::WriteRecitingBundle(path, testing::RecitingContents(), script).ok());
  const std::vector<std::string> run = {"run", path, "-p", "the", "-n", "7"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    return Elm(more);
  };
  EXPECT_EQ(with({}).out, "abcdefg\n");
  EXPECT_EQ(with({"--stop", "zz", "--stop", "cd"}).out, "ab\n");
  EXPECT_EQ(with({"--stop", "gh"}).out, "abcdefg\n");
  const auto json = nlohmann::json::parse(with({"--stop=bc", "--json"}).out);
  EXPECT_EQ(json.at("text"), "a");
  EXPECT_EQ(json.at("finish"), "stop");
  ExpectFailure(with({"--stop", ""}), 2, "usage", "stop text: empty");
}

TEST_F(Program, BundleWithoutTokenizer) {
  BundleContents contents = testing::SmallContents();
  contents.tokenizer_model.clear();
  ASSERT_TRUE(testing::WriteSmallBundle(Path("mute.elm"), contents).ok());
  EXPECT_THAT(Elm({"info", Path("mute.elm")}).out, HasSubstr("tokenizer     none"));
  EXPECT_EQ(Elm({"verify", Path("mute.elm")}).exit_code, 0);
  ExpectFailure(Elm({"run", "-p", "a", Path("mute.elm")}), 4, "not found", "tokenizer");
}

TEST_F(Program, ReaderThatWentAway) {
  // The reader ends at once; the program starts a moment later.
  const std::string run = testing::ProgramPath("elm") + " run " + Bundle() + " -p the -n 4";
  const std::string command =
      StrCat("(sleep 0.3; ", run, " 2>", Path("err"), "; echo $? >", Path("code"), ") | true");
  EXPECT_EQ(testing::RunProgram({"/bin/bash", "-c", command}).exit_code, 0);
  EXPECT_EQ(*ReadFile(Path("code"), 100), "4\n");
  EXPECT_EQ(*ReadFile(Path("err"), 1000), "elm: input/output: standard output: Broken pipe\n");
}

TEST_F(Program, FullDisk) {
  const std::string command =
      testing::ProgramPath("elm") + " run " + Bundle() + " -p the -n 4 >/dev/full";
  ExpectFailure(testing::RunProgram({"/bin/bash", "-c", command}), 4, "no space",
                "standard output");
}

TEST_F(Program, InterruptKeepsWhatThereIs) {
  // A context long enough that the answer would take minutes.
  const std::string path = Path("endless.elm");
  const uint32_t the = testing::TinyId("\xe2\x96\x81the");
  ASSERT_TRUE(
      testing::WriteRecitingBundle(path, testing::RecitingContents(1U << 20), {{the, the}}).ok());
  const std::string output = WriteFile("endless.txt", "");
  testing::RunningProgram program({"/bin/bash", "-c",
                                   StrCat("exec ", testing::ProgramPath("elm"), " run ", path,
                                          " -p the -n 1000000 >", output)});
  for (int i = 0; i < 2000 && program.Running() && std::filesystem::file_size(output) == 0; ++i) {
    usleep(5000);
  }
  kill(program.pid(), SIGINT);
  const auto result = program.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, StartsWith("elm: interrupted: stopped after "));
  const std::string text = *ReadFile(output, 1U << 24);
  EXPECT_THAT(text, StartsWith(" the"));
  EXPECT_TRUE(text.ends_with("the\n"));
}

}  // namespace
}  // namespace elm
