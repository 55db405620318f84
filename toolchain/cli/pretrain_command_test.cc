// elmc pretrain as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::elm::testing::ProgramPath;
using ::elm::testing::ProgramResult;
using ::elm::testing::RunningProgram;
using ::elm::testing::RunProgram;
using ::elm::testing::TemporaryDirectory;
using ::testing::HasSubstr;

class PretrainCommandTest : public ::testing::Test {
 protected:
  // A run of a model that takes seconds, most of them for its vocabulary.
  std::vector<std::string> Pretrain(const std::vector<std::string>& more = {}) const {
    std::ofstream(directory_.Path("tiny.toml"))
        << "layers = 1\nwidth = 32\nquery-heads = 2\nkv-heads = 1\nneurons = 32\nvocab = 512\n"
           "tokens = 20000\ncopy-tokens = 4000\nshort-tokens = 0\nbatch-tokens = 512\n"
           "validation-groups = 1\n";
    std::vector<std::string> arguments = {
        ProgramPath("elmc"),          "pretrain", "--config",
        directory_.Path("tiny.toml"), "-o",       directory_.Path("run")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  TemporaryDirectory directory_;
};

TEST_F(PretrainCommandTest, HelpTeaches) {
  const ProgramResult help = RunProgram({ProgramPath("elmc"), "pretrain", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word : {"--tokens", "--copy-tokens", "--word-drop-share", "--init", "--restart",
                           "Examples", "pocket-4m-50.toml"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
}

TEST_F(PretrainCommandTest, TrainsAndReportsInJson) {
  const ProgramResult result = RunProgram(Pretrain({"--json", "--quiet"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const nlohmann::json report = nlohmann::json::parse(result.out);
  EXPECT_GE(report["tokens"], 20000);
  EXPECT_EQ(report["resumed"], false);
  for (const char* file : {"config.json", "generation_config.json", "model.safetensors",
                           "tokenizer.model", "curve.json", "pretrain.json"}) {
    EXPECT_TRUE(std::filesystem::exists(directory_.Path("run/") + file)) << file;
  }
  const ProgramResult again = RunProgram(Pretrain({"--json", "--quiet"}));
  EXPECT_EQ(nlohmann::json::parse(again.out)["resumed"], true);

  const ProgramResult other = RunProgram(Pretrain({"--seed", "2", "--quiet"}));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("seed is 2, was 1"));
  EXPECT_EQ(std::count(other.err.begin(), other.err.end(), '\n'), 1) << other.err;
}

TEST_F(PretrainCommandTest, AnInterruptKeepsWhatIsDone) {
  RunningProgram run(Pretrain({"--tokens", "100000000"}));
  while (run.ErrSoFar().find("tokens/s") == std::string::npos && run.Running()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill(run.pid(), SIGINT);
  const ProgramResult stopped = run.Wait();
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("run the same command again"));
  EXPECT_TRUE(std::filesystem::exists(directory_.Path("run/checkpoint.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(directory_.Path("run/model.safetensors")));
}

TEST_F(PretrainCommandTest, WrongUsageIsOneLine) {
  const auto refusal = [&](const std::vector<std::string>& more) {
    const ProgramResult result = RunProgram(Pretrain(more));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.exit_code, 0);
    return result.err;
  };
  EXPECT_THAT(refusal({"--learning-rat", "1"}), HasSubstr("did you mean --learning-rate?"));
  EXPECT_THAT(refusal({"--word-drop-share", "2"}), HasSubstr("--word-drop-share is 2"));
  EXPECT_THAT(refusal({"--tokenizer", directory_.Path("none")}), HasSubstr("none"));
  EXPECT_THAT(refusal({"--init", directory_.Path("none")}), HasSubstr("none"));
  EXPECT_THAT(refusal({"--device", "gpu"}), HasSubstr("gpu"));
  EXPECT_THAT(refusal({"--kv-heads", "3"}), HasSubstr("kv_heads"));
}

}  // namespace
}  // namespace elm
