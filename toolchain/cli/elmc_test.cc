// elmc as its users meet it: what it prints, and how it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/testing/assets.h"
#include "formats/base/testing/child_process.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using ::elm::testing::ProgramPath;
using ::elm::testing::ProgramResult;
using ::elm::testing::RunProgram;
using ::testing::HasSubstr;
using ::testing::Not;

class ElmcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "elmc_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    assets_ = AssetPath(".");
  }
  void TearDown() override { fs::remove_all(folder_); }

  static ProgramResult Elmc(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ProgramPath("elmc"));
    return RunProgram(arguments);
  }

  // `elmc prepare` of a model that takes a second, with more flags behind.
  std::vector<std::string> QuickPrepare(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"prepare",
                                          assets_ + "/models/stories260K/hf",
                                          "--data",
                                          assets_ + "/text/tinystories_train_944k.txt",
                                          "-o",
                                          folder_ + "/model.elm",
                                          "--levels",
                                          "0.5",
                                          "--windows",
                                          "16",
                                          "--held-out",
                                          "4",
                                          "--window-tokens",
                                          "65",
                                          "--allocation",
                                          "uniform",
                                          "--recover-tokens",
                                          "4000",
                                          "--recover-batch",
                                          "256",
                                          "--unit",
                                          "kv-group",
                                          "--metric",
                                          "token"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  // One line on standard error that starts with the program's name and holds `text`; `exit_code`.
  static void ExpectRefusal(const ProgramResult& result, int exit_code, const std::string& text) {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    const size_t start = result.err.rfind("elmc: ");
    ASSERT_NE(start, std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin() + static_cast<long>(start), result.err.end(), '\n'), 1)
        << result.err;
  }

  std::string folder_;
  std::string assets_;
};

#define NEED_ASSETS() \
  if (assets_.empty()) GTEST_SKIP() << MissingAsset(".")

TEST_F(ElmcTest, HelpTeaches) {
  const ProgramResult help = Elmc({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word :
       {"prepare", "inspect", "verify", "dump", "scores", "synth", "Exit codes", "Examples"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  const ProgramResult prepare = Elmc({"prepare", "--help"});
  EXPECT_EQ(prepare.exit_code, 0);
  for (const char* word : {"--data", "--levels", "--dry-run", "--resume", "Examples"}) {
    EXPECT_THAT(prepare.out, HasSubstr(word));
  }
}

TEST_F(ElmcTest, WrongUsageIsOneLineWithASuggestion) {
  ExpectRefusal(Elmc({"prepar"}), 2, "did you mean prepare?");
  ExpectRefusal(Elmc({"prepare", "x", "-o", "y.elm", "--leves", "0.5"}), 2,
                "did you mean --levels?");
  ExpectRefusal(Elmc({"prepare", "x"}), 2, "-o FILE.elm");
  ExpectRefusal(Elmc({}), 2, "");
  ExpectRefusal(Elmc({"prepare", "x", "-o", folder_ + "/y.elm", "--levels", "1.5"}), 2, "1.5");
  ExpectRefusal(Elmc({"prepare", "x", "-o", folder_ + "/y.elm", "--metric", "luck"}), 2, "token");
  ExpectRefusal(Elmc({"synth", "--shape", "huge", "-o", folder_ + "/y.elm"}), 2, "110m");
}

TEST_F(ElmcTest, WithoutACheckpointTheBuiltInModelIsTaken) {
  const ProgramResult result = Elmc({"prepare", "-o", folder_ + "/m.elm", "--dry-run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("taking the built-in pocket-4m"));
  ExpectRefusal(Elmc({"prepare", "pocket-5m", "-o", folder_ + "/m.elm"}), 4, "pocket-5m");
}

TEST_F(ElmcTest, ABudgetNamesItsStage) {
  const std::string output = folder_ + "/m.elm";
  ExpectRefusal(Elmc({"prepare", "x", "-o", output, "--budget", "profile"}), 2, "STAGE=SECONDS");
  ExpectRefusal(Elmc({"prepare", "x", "-o", output, "--budget", "profil=3"}), 2, "no stage");
}

TEST_F(ElmcTest, AnOptionFileIsReadAndItsMistakesAreNamed) {
  NEED_ASSETS();
  const std::string file = folder_ + "/options.toml";
  std::ofstream(file) << "levels = [0.25, 0.75]\nwindows = 16\n";
  std::vector<std::string> arguments = {"prepare",    assets_ + "/models/stories260K/hf",
                                        "-o",         folder_ + "/m.elm",
                                        "--config",   file,
                                        "--data",     assets_ + "/text/tinystories_train_944k.txt",
                                        "--held-out", "4",
                                        "--recover",  "none",
                                        "--json"};
  const ProgramResult result = Elmc(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["plan"]["levels"][0]["level"], "0.25");
  EXPECT_EQ(json["import"]["calibration_windows"], 16);

  // A flag on the command line wins.
  arguments.insert(arguments.end(), {"--levels", "0.5"});
  const nlohmann::json over = nlohmann::json::parse(Elmc(arguments).out);
  EXPECT_EQ(over["plan"]["levels"][0]["level"], "0.5");

  std::ofstream(file) << "window = 16\n";
  ExpectRefusal(Elmc(arguments), 2, "did you mean windows?");
}

TEST_F(ElmcTest, PreparedBundlesAreInspectedVerifiedAndDumped) {
  NEED_ASSETS();
  const ProgramResult prepared = Elmc(QuickPrepare());
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  EXPECT_THAT(prepared.out, HasSubstr("0.5"));
  const std::string bundle = folder_ + "/model.elm";

  const ProgramResult inspected = Elmc({"inspect", bundle});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr("5 layers, width 64, 8 query heads / 4 KV heads"));
  EXPECT_THAT(Elmc({"verify", bundle}).out, HasSubstr("ok"));
  const nlohmann::json dump = nlohmann::json::parse(Elmc({"dump", "--json", bundle}).out);
  EXPECT_EQ(dump["levels"].size(), 2U);
  EXPECT_THAT(Elmc({"dump", bundle}).out, HasSubstr("model.layers.4.mlp.down_proj.weight"));

  fs::resize_file(bundle, fs::file_size(bundle) - 1);
  ExpectRefusal(Elmc({"verify", bundle}), 3, "model.elm");
  ExpectRefusal(Elmc({"inspect", bundle}), 3, "model.elm");
  ExpectRefusal(Elmc({"dump", folder_ + "/none.elm"}), 4, "none.elm");
}

TEST_F(ElmcTest, LevelsAreRecoveredInJobsOfTheirOwn) {
  NEED_ASSETS();
  ASSERT_EQ(Elmc(QuickPrepare({"--levels", "0.7", "--to", "reorder"})).exit_code, 0);
  const std::string bundle = folder_ + "/model.elm";
  const ProgramResult one = Elmc({"recover", bundle, "--levels", "0.5", "--json"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const nlohmann::json rows = nlohmann::json::parse(one.out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["level"], "0.5");
  EXPECT_LT(rows[0]["objective_after"], rows[0]["objective_before"]);
  const std::string adapters = folder_ + "/model.elm.work/adapters/";
  EXPECT_TRUE(fs::exists(adapters + "level_0.5.safetensors"));
  EXPECT_FALSE(fs::exists(adapters + "level_0.7.safetensors"));
  ASSERT_EQ(Elmc({"recover", bundle}).exit_code, 0);
  EXPECT_TRUE(fs::exists(adapters + "level_0.7.safetensors"));
  const auto trained = fs::last_write_time(adapters + "level_0.5.safetensors");
  ASSERT_EQ(Elmc(QuickPrepare({"--levels", "0.7"})).exit_code, 0);
  EXPECT_EQ(fs::last_write_time(adapters + "level_0.5.safetensors"), trained);
  ExpectRefusal(Elmc({"recover", bundle, "--levels", "0.6"}), 2, "0.5, 0.7");
  ExpectRefusal(Elmc({"recover", bundle, "--levels", "1.0"}), 2, "has no adapter");
  ExpectRefusal(Elmc({"recover", folder_ + "/none.elm"}), 4, "no workspace");
}

TEST_F(ElmcTest, APlanIsShownWithoutTheBundle) {
  NEED_ASSETS();
  const ProgramResult planned = Elmc(QuickPrepare({"--to", "plan"}));
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_THAT(planned.out, HasSubstr("anchor layers: "));
  EXPECT_THAT(planned.out, HasSubstr("\n0.5 "));
  EXPECT_THAT(planned.out, Not(HasSubstr("wrote")));
  const ProgramResult json = Elmc(QuickPrepare({"--to", "plan", "--json"}));
  EXPECT_EQ(nlohmann::json::parse(json.out)["plan"]["levels"].size(), 2U);
  EXPECT_FALSE(fs::exists(folder_ + "/model.elm"));
}

TEST_F(ElmcTest, WhatCannotBeWrittenIsRefusedBeforeTheWork) {
  NEED_ASSETS();
  std::vector<std::string> arguments = QuickPrepare();
  arguments[5] = folder_ + "/missing/model.elm";
  ExpectRefusal(Elmc(arguments), 4, "missing/model.elm");
  arguments[5] = folder_;
  ExpectRefusal(Elmc(arguments), 4, "directory");
  arguments = QuickPrepare();
  arguments[1] = folder_ + "/no-such-model";
  ExpectRefusal(Elmc(arguments), 4, "no-such-model");
  arguments = QuickPrepare();
  arguments[3] = folder_ + "/no-such-text";
  ExpectRefusal(Elmc(arguments), 4, "no-such-text");
}

// A file-size limit stands in for a full disk: the kernel refuses the write in the same place.
TEST_F(ElmcTest, AFullDiskLeavesNothingUnderTheFinalName) {
  NEED_ASSETS();
  ASSERT_EQ(Elmc(QuickPrepare({"--to", "reorder"})).exit_code, 0);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{100 * 1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const ProgramResult result = Elmc(QuickPrepare());
  setrlimit(RLIMIT_FSIZE, &before);
  ExpectRefusal(result, 4, "no space");
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().filename(), "model.elm.work");
  }
  EXPECT_EQ(Elmc(QuickPrepare()).exit_code, 0) << "the workspace is as good as before";
}

TEST_F(ElmcTest, MergedScoresCanBeUsed) {
  NEED_ASSETS();
  ASSERT_EQ(Elmc(QuickPrepare({"--to", "profile"})).exit_code, 0);
  const std::string work = folder_ + "/model.elm.work";
  ASSERT_EQ(Elmc({"scores", "merge", work, work, "-o", folder_ + "/merged"}).exit_code, 0);
  EXPECT_THAT(Elmc({"scores", "show", folder_ + "/merged"}).out, HasSubstr("32 sequences"));
  const ProgramResult result = Elmc(QuickPrepare({"--scores", folder_ + "/merged"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(ElmcTest, QuantizeMakesASmallerBundleAndRefusesWhatItCannotDo) {
  const std::string exact = folder_ + "/exact.elm";
  const std::string small = folder_ + "/small.elm";
  ASSERT_EQ(Elmc({"synth", "--shape", "4m", "--layers", "1", "-o", exact}).exit_code, 0);
  ProgramResult result = Elmc({"quantize", exact, small, "--quant", "q4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("rounding: least-error"));
  EXPECT_LT(fs::file_size(small), fs::file_size(exact) / 2);
  EXPECT_EQ(Elmc({"verify", small}).exit_code, 0);
  const std::string shown = Elmc({"inspect", small}).out;
  EXPECT_THAT(shown, HasSubstr("q4 in groups of 32"));
  EXPECT_THAT(shown, HasSubstr("4.33 bits per weight in the layers"));

  const std::string other = folder_ + "/other.elm";
  ExpectRefusal(Elmc({"quantize", small, other, "--quant", "q4"}), 3, "already");
  ExpectRefusal(Elmc({"quantize", exact, exact, "--quant", "q4"}), 2, "is the input itself");
  ExpectRefusal(Elmc({"quantize", exact, other, "--quant", "q5"}), 2, "expected q4 or q8");
  ExpectRefusal(Elmc({"quantize", exact, other, "--quant", "q4", "--group", "48"}), 2,
                "--group is 48, expected a power of two");
  ExpectRefusal(Elmc({"quantize", exact, other, "--quant", "q4", "--rounding", "up"}), 2,
                "least-error");
  ExpectRefusal(Elmc({"quantize", exact, other, "--quant", "q4", "--rounding", "calibrated"}), 2,
                "--data");
  ExpectRefusal(Elmc({"quantize", folder_ + "/none.elm", other, "--quant", "q4"}), 4, "none.elm");
  ExpectRefusal(Elmc({"synth", "--quant", "q3", "-o", other}), 2, "--quant is \"q3\"");
  EXPECT_FALSE(fs::exists(other));
}

TEST_F(ElmcTest, QuantizeOnAFullDiskLosesNothing) {
  const std::string exact = folder_ + "/exact.elm";
  ASSERT_EQ(Elmc({"synth", "--shape", "4m", "--layers", "1", "-o", exact}).exit_code, 0);
  const auto size = fs::file_size(exact);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{100 * 1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const ProgramResult result = Elmc({"quantize", exact, folder_ + "/small.elm", "--quant", "q4"});
  setrlimit(RLIMIT_FSIZE, &before);
  ExpectRefusal(result, 4, "no space");
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().filename(), "exact.elm");
  }
  EXPECT_EQ(fs::file_size(exact), size);
}

}  // namespace
}  // namespace elm
