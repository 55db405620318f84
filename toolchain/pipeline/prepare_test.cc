// The whole pipeline on a small real model: results, resuming, refusals.
#include "toolchain/pipeline/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "formats/base/atomic_file.h"
#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "formats/elm/bundle.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/pipeline/run_context.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string Contents(const std::string& path) {
  auto contents = ReadFile(path, uint64_t{1} << 30);
  EXPECT_TRUE(contents.ok()) << contents.status().ToString();
  return contents.ok() ? *contents : std::string();
}

class PrepareTest : public testing::Test {
 protected:
  void SetUp() override {
    assets_ = AssetPath(".");
    if (assets_.empty()) GTEST_SKIP() << MissingAsset(".");
    folder_ = testing::TempDir() + "elm_prepare_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    SetTorchThreads(2);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // A run that takes a second or two.
  PrepareOptions Quick() const {
    PrepareOptions options;
    options.checkpoint = assets_ + "/models/stories260K/hf";
    options.data = assets_ + "/text/tinystories_train_944k.txt";
    options.output = folder_ + "/model.elm";
    options.levels = {300, 500, 800};
    options.window_tokens = 65;
    options.calibration_windows = 24;
    options.held_out_windows = 4;
    options.batch = 8;
    options.policy = UnitPolicy::kKvGroup;
    options.metric = ScoreMetric::kToken;
    options.allocation = Allocation::kUniform;
    options.recover.rank = 4;
    options.recover.tokens = 4000;
    options.recover.batch_tokens = 256;
    return options;
  }

  static std::vector<bool> Ran(const PrepareReport& report) {
    std::vector<bool> ran;
    for (const StageOutcome& stage : report.stages) ran.push_back(stage.ran);
    return ran;
  }

  // The failure of a run, as its status.
  static Status FailureOf(const PrepareOptions& options) {
    try {
      Prepare(options, Progress::Style::kNone);
    } catch (const Error& error) {
      return error.status();
    }
    return Status::Ok();
  }

  std::string assets_;
  std::string folder_;
};

TEST_F(PrepareTest, MakesABundleWithTheRequestedLevels) {
  const PrepareReport report = Prepare(Quick(), Progress::Style::kNone);
  EXPECT_TRUE(report.finished);
  EXPECT_THAT(Ran(report), ElementsAre(true, true, true, true, true, true, true, true));
  const auto bundle = Bundle::Open(report.output);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  EXPECT_TRUE(bundle.value()->VerifyWeights().ok());
  std::vector<uint32_t> names;
  for (const Level& level : bundle.value()->levels().levels) names.push_back(level.name_permille);
  EXPECT_THAT(names, ElementsAre(300, 500, 800, 1000));
  EXPECT_EQ(bundle.value()->view().tokenizer_model,
            Contents(assets_ + "/models/stories260K/hf/tokenizer.model"));
}

TEST_F(PrepareTest, LossFallsWithTheLevel) {
  const PrepareReport report = Prepare(Quick(), Progress::Style::kNone);
  const nlohmann::json plan = ReadJsonFile(report.workspace + "/" + kPlanReportFile);
  double above = 100;
  for (const nlohmann::json& level : plan["levels"]) {
    const double nll = level["held_out_nll"];
    EXPECT_LT(nll, above) << level.dump();
    above = nll;
  }
  EXPECT_LT(above, 2.0) << "the full model knows these stories";
}

TEST_F(PrepareTest, PlansAreChosenByWhatRecoveryMakesOfThem) {
  PrepareOptions options = Quick();
  options.policy.reset();
  options.allocation.reset();
  options.to = "plan";
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  const nlohmann::json plan = ReadJsonFile(report.workspace + "/" + kPlanReportFile);
  ASSERT_EQ(plan["candidates"].size(), 4U);
  double best = 100;
  for (const nlohmann::json& candidate : plan["candidates"]) {
    best = std::min(best, candidate["probe_loss"].get<double>());
  }
  for (const nlohmann::json& candidate : plan["candidates"]) {
    if (candidate["probe_loss"] != best) continue;
    EXPECT_EQ(candidate["unit_policy"], plan["unit_policy"]);
    EXPECT_EQ(candidate["allocation"], plan["allocation"]);
  }
  // What an interrupted choice would have gone on from is gone.
  for (const auto& entry : fs::directory_iterator(report.workspace)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("plan_parts")) << entry.path();
  }
}

TEST_F(PrepareTest, AdaptersWinBackLossAndAreInTheBundle) {
  PrepareOptions options = Quick();
  options.recover.tokens = 20000;
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  const auto bundle = Bundle::Open(report.output);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  ASSERT_EQ(bundle.value()->view().adapters.size(), 3U);
  const nlohmann::json plan = ReadJsonFile(report.workspace + "/" + kPlanReportFile);
  const nlohmann::json recovered = ReadJsonFile(report.workspace + "/" + kRecoverFile);
  for (size_t level = 0; level < 3; ++level) {
    EXPECT_LT(recovered["levels"][level]["held_out_nll"], plan["levels"][level]["held_out_nll"]);
    EXPECT_LT(recovered["levels"][level]["objective_after"],
              recovered["levels"][level]["objective_before"]);
  }
  // The verify stage has held runtime and LibTorch against each other, adapters included.
  for (const nlohmann::json& level : ReadJsonFile(report.workspace + "/" + kVerifyFile)["levels"]) {
    EXPECT_LE(level["max_logit_difference"], 2e-3);
  }
}

TEST_F(PrepareTest, WithoutRecoveryThereAreNoAdapters) {
  PrepareOptions options = Quick();
  options.recover.recovery = Recovery::kNone;
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  EXPECT_TRUE(Bundle::Open(report.output).value()->view().adapters.empty());
}

TEST_F(PrepareTest, AMissingAdapterIsTrainedAgain) {
  const PrepareReport first = Prepare(Quick(), Progress::Style::kNone);
  const std::string bytes = Contents(first.output);
  fs::remove(first.workspace + "/" + kAdaptersFolder + "/level_0.5.safetensors");
  EXPECT_THAT(Ran(Prepare(Quick(), Progress::Style::kNone)),
              ElementsAre(false, false, false, false, true, false, false, false));
  EXPECT_TRUE(bytes == Contents(first.output));
}

TEST_F(PrepareTest, InstructionsTeachTheResponse) {
  PrepareOptions options = Quick();
  options.recover_data = assets_ + "/instruct/instruction-data.json";
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  EXPECT_TRUE(report.finished);
  options.recover_data = folder_ + "/rows.json";
  ASSERT_TRUE(WriteFileAtomically(options.recover_data, "[{\"instruction\": \"a\"}]").ok());
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("rows.json:1"));
}

TEST_F(PrepareTest, TheSameInputsGiveTheSameBytes) {
  PrepareOptions options = Quick();
  Prepare(options, Progress::Style::kNone);
  const std::string first = Contents(options.output);
  options.output = folder_ + "/again.elm";
  Prepare(options, Progress::Style::kNone);
  EXPECT_TRUE(first == Contents(options.output));
}

TEST_F(PrepareTest, ASecondRunKeepsEverything) {
  Prepare(Quick(), Progress::Style::kNone);
  EXPECT_THAT(Ran(Prepare(Quick(), Progress::Style::kNone)),
              ElementsAre(false, false, false, false, false, false, false, false));
}

TEST_F(PrepareTest, OtherLevelsPlanAgainWithoutProfiling) {
  Prepare(Quick(), Progress::Style::kNone);
  PrepareOptions options = Quick();
  options.levels = {400, 700};
  EXPECT_THAT(Ran(Prepare(options, Progress::Style::kNone)),
              ElementsAre(false, false, true, true, true, true, true, true));
}

TEST_F(PrepareTest, ADamagedStageOutputIsMadeAgain) {
  const PrepareReport first = Prepare(Quick(), Progress::Style::kNone);
  const std::string bytes = Contents(first.output);
  const std::string scores = first.workspace + "/" + kUnitScoresFile;
  std::string damaged = Contents(scores);
  damaged[damaged.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(scores, damaged).ok());
  fs::remove(first.output);
  EXPECT_THAT(Ran(Prepare(Quick(), Progress::Style::kNone)),
              ElementsAre(false, true, false, false, false, false, true, false));
  EXPECT_TRUE(bytes == Contents(first.output));
}

TEST_F(PrepareTest, StagesAreBoundedByFromAndTo) {
  PrepareOptions options = Quick();
  options.from = "plan";
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("stage import has not run yet"));
  options.from.clear();
  options.to = "profile";
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(report.stages.size(), 2U);
  EXPECT_FALSE(fs::exists(options.output));
  options.from = "plan";
  options.to = "import";
  EXPECT_EQ(FailureOf(options).code(), StatusCode::kInvalidArgument);
  options.to = "pakc";
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("import, profile, plan"));
}

TEST_F(PrepareTest, CalibratesOnItsOwnTextWhenNoneIsGiven) {
  PrepareOptions options = Quick();
  options.data.clear();
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  EXPECT_EQ(ReadJsonFile(report.workspace + "/" + kImportFile)["text"], "generated");
}

TEST_F(PrepareTest, AForeignTokenizerOfTheRightSizeIsNoticed) {
  PrepareOptions options = Quick();
  options.checkpoint = assets_ + "/models/stories3M";
  options.tokenizer = assets_ + "/tokenizers/kmno4_tok4096.model";
  options.to = "import";
  const Status status = FailureOf(options);
  EXPECT_EQ(ExitCode(status), 3) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("do not belong to this model"));
  EXPECT_FALSE(fs::exists(options.output));
  options.force = true;
  EXPECT_TRUE(FailureOf(options).ok());
}

TEST_F(PrepareTest, ATokenizerOfAnotherSizeIsRefused) {
  PrepareOptions options = Quick();
  options.tokenizer = assets_ + "/tokenizers/llama2_32k.model";
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("has 32000 pieces"));
}

TEST_F(PrepareTest, AWorkspaceOfAnotherCheckpointIsRefusedUnlessForced) {
  PrepareOptions options = Quick();
  options.to = "import";
  Prepare(options, Progress::Style::kNone);
  PrepareOptions other = options;
  other.checkpoint = assets_ + "/models/stories3M";
  EXPECT_THAT(FailureOf(other).message(), HasSubstr("workspace of another checkpoint"));
  other.force = true;
  EXPECT_TRUE(FailureOf(other).ok());
}

TEST_F(PrepareTest, AFolderThatIsNoWorkspaceIsLeftAlone) {
  PrepareOptions options = Quick();
  options.workspace = folder_ + "/holiday";
  fs::create_directories(options.workspace);
  std::ofstream(options.workspace + "/photo.jpg") << "dear";
  EXPECT_FALSE(FailureOf(options).ok());
  EXPECT_EQ(Contents(options.workspace + "/photo.jpg"), "dear");
  EXPECT_EQ(std::distance(fs::directory_iterator(options.workspace), {}), 1);
}

TEST_F(PrepareTest, ACorruptManifestIsNamed) {
  PrepareOptions options = Quick();
  options.to = "import";
  const PrepareReport report = Prepare(options, Progress::Style::kNone);
  ASSERT_TRUE(WriteFileAtomically(report.workspace + "/manifest.json", "{ \"stages\": ").ok());
  const Status status = FailureOf(options);
  EXPECT_EQ(ExitCode(status), 3) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("manifest.json"));
}

TEST_F(PrepareTest, WeightsThatAreNoNumbersAreNamed) {
  PrepareOptions options = Quick();
  fs::copy(options.checkpoint, folder_ + "/damaged");
  options.checkpoint = folder_ + "/damaged";
  const std::string weights = options.checkpoint + "/model.safetensors";
  std::string bytes = Contents(weights);
  bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));  // a float32 NaN
  std::ofstream(weights, std::ios::binary) << bytes;
  const Status status = FailureOf(options);
  EXPECT_EQ(ExitCode(status), 3);
  EXPECT_THAT(status.message(), HasSubstr("/damaged: tensor model.layers."));
  EXPECT_FALSE(fs::exists(options.output));
}

TEST_F(PrepareTest, TextThatCannotBeUsedIsRefused) {
  PrepareOptions options = Quick();
  options.data = folder_ + "/text.txt";
  for (const auto& [text, expected] : {std::pair<std::string, const char*>{"", "empty"},
                                       {"\xff\xfe plainly not text", "UTF-8"},
                                       {"Once upon a time.", "tokens"}}) {
    ASSERT_TRUE(WriteFileAtomically(options.data, text).ok());
    const Status status = FailureOf(options);
    EXPECT_THAT(status.message(), HasSubstr(expected));
    EXPECT_THAT(status.message(), HasSubstr("text.txt"));
    EXPECT_NE(ExitCode(status), 70);
  }
}

TEST_F(PrepareTest, OptionsOutOfRangeNameTheirFlag) {
  PrepareOptions options = Quick();
  options.window_tokens = 4096;
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("context holds 512 tokens"));
  options = Quick();
  options.anchor_share = 1.5;
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("--anchor-share"));
  options = Quick();
  options.device = "tpu";
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("--device"));
}

TEST_F(PrepareTest, ResumeInsistsOnAnEarlierRun) {
  PrepareOptions options = Quick();
  options.resume = true;
  EXPECT_THAT(FailureOf(options).message(), HasSubstr("no run to go on with"));
}

TEST_F(PrepareTest, ADryRunSaysWhatWouldRunAndTouchesNothing) {
  DryRun dry_run = PlanRun(Quick());
  EXPECT_EQ(dry_run.stages.size(), 8U);
  for (const StageOutcome& stage : dry_run.stages) EXPECT_TRUE(stage.ran) << stage.name;
  EXPECT_TRUE(fs::is_empty(folder_));
  Prepare(Quick(), Progress::Style::kNone);
  dry_run = PlanRun(Quick());
  for (const StageOutcome& stage : dry_run.stages) EXPECT_FALSE(stage.ran) << stage.name;
  EXPECT_NEAR(static_cast<double>(dry_run.bundle_bytes),
              static_cast<double>(fs::file_size(Quick().output)), 49152.0);
}

}  // namespace
}  // namespace elm
