// kill -9 at any moment loses nothing: the next run gives the same bytes as an undisturbed one.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/testing/assets.h"
#include "formats/base/testing/child_process.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using ::elm::testing::ProgramPath;
using ::elm::testing::ProgramResult;
using ::elm::testing::RunningProgram;
using ::elm::testing::RunProgram;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class KillResumeTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    assets_ = AssetPath(".");
    if (assets_.empty()) GTEST_SKIP() << MissingAsset(".");
    folder_ = ::testing::TempDir() + "elm_kill_" + GetParam();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  std::vector<std::string> Prepare(const std::string& output) const {
    return {ProgramPath("elmc"),
            "prepare",
            assets_ + "/models/stories260K/hf",
            "--data",
            assets_ + "/text/tinystories_train_944k.txt",
            "-o",
            folder_ + "/" + output,
            "--levels",
            "0.3,0.6",
            "--windows",
            "48",
            "--held-out",
            "4",
            "--window-tokens",
            "65",
            "--unit",
            "kv-group",
            "--metric",
            "token",
            "--recover-tokens",
            "8000",
            "--recover-batch",
            "256"};
  }

  std::string assets_;
  std::string folder_;
};

TEST_P(KillResumeTest, ResumesToTheSameBytes) {
  const std::string stage = GetParam();
  static std::string whole;  // the same for every stage
  if (whole.empty()) {
    ASSERT_EQ(RunProgram(Prepare("whole.elm")).exit_code, 0);
    whole = Contents(folder_ + "/whole.elm");
    ASSERT_FALSE(whole.empty());
  }

  // The stage says its name when it starts; strike a random moment later.
  std::mt19937 random(std::random_device{}());
  const auto delay = std::chrono::microseconds(random() % 60000);
  RunningProgram program(Prepare("killed.elm"));
  while (program.Running() &&
         program.ErrSoFar().find("elmc: " + stage + ": ") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(delay);
  kill(program.pid(), SIGKILL);
  program.Wait();

  std::vector<std::string> resume = Prepare("killed.elm");
  resume.emplace_back("--resume");
  const ProgramResult resumed = RunProgram(resume);
  ASSERT_EQ(resumed.exit_code, 0) << "killed " << delay.count() << " us into " << stage << ": "
                                  << resumed.err;
  EXPECT_TRUE(whole == Contents(folder_ + "/killed.elm"))
      << "killed " << delay.count() << " us into " << stage;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(EveryStage, KillResumeTest,
                         ::testing::Values("import", "profile", "plan", "reorder", "recover", "tlm",
                                           "pack", "verify"),
                         [](const auto& stage) { return std::string(stage.param); });

}  // namespace
}  // namespace elm
