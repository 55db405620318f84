// The stages of `elmc prepare` on a device beside the processor: nothing of either meets the other,
// and the results are the processor's.
#include "toolchain/model/testing/second_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/base/testing/assets.h"
#include "formats/workspace/scores.h"
#include "toolchain/base/error.h"
#include "toolchain/base/json_file.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/pipeline/prepare.h"
#include "toolchain/pipeline/run_context.h"
#include "toolchain/pipeline/stage.h"
#include "toolchain/pipeline/workspace_files.h"

namespace elm {
namespace {

namespace fs = std::filesystem;
using testing::Pointwise;

MATCHER_P(NearRelative, tolerance, "") {
  const double a = std::get<0>(arg);
  const double b = std::get<1>(arg);
  return std::abs(a - b) <= tolerance * (1e-3 + std::abs(b));
}

class PipelineOnSecondDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    assets_ = AssetPath(".");
    if (assets_.empty()) GTEST_SKIP() << MissingAsset(".");
    folder_ = testing::TempDir() + "elm_second_device_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    PrepareTorch(1);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  PrepareOptions Quick(const torch::Device& device) const {
    PrepareOptions options;
    options.checkpoint = assets_ + "/models/stories260K/hf";
    options.output = folder_ + "/" + device.str() + ".elm";
    options.device = device.str();
    options.levels = {300, 800};
    options.window_tokens = 12;
    options.calibration_windows = 2;
    options.held_out_windows = 2;
    options.batch = 2;
    options.exact_heads = true;
    options.weight_gradient = true;
    options.metric = ScoreMetric::kToken;
    options.allocation = Allocation::kMeasured;
    options.recover.rank = 4;
    options.recover.tokens = 300;
    options.recover.batch_tokens = 32;
    options.recover.dtype = "float32";
    options.recover.dropout = 0.1;
    options.threads = 1;
    return options;
  }

  // All stages, below the door that lets in nothing but processor and CUDA.
  std::string RunStages(PrepareOptions options) const {
    const std::string workspace = options.output + ".work";
    fs::create_directories(workspace);
    RunContext context(std::move(options), workspace, Progress::Style::kNone);
    for (const Stage& stage : Stages()) {
      SCOPED_TRACE(stage.name);
      EXPECT_NO_THROW(stage.run(context)) << stage.name;
    }
    return workspace;
  }

  static std::vector<double> Numbers(const nlohmann::json& rows, const char* key) {
    std::vector<double> numbers;
    for (const nlohmann::json& row : rows) {
      if (row.contains(key)) numbers.push_back(row[key]);
    }
    return numbers;
  }

  std::string assets_;
  std::string folder_;
  const double tolerance_ = SecondDeviceTolerance();
};

TEST_F(PipelineOnSecondDeviceTest, AllStagesGiveTheProcessorsResults) {
  PrepareOptions options = Quick(torch::kCPU);
  options.data = assets_ + "/text/tinystories_train_944k.txt";
  const std::string here = RunStages(options);
  options = Quick(SecondDevice());
  options.data = assets_ + "/text/tinystories_train_944k.txt";
  const std::string there = RunStages(options);

  const UnitScores expected = ValueOrThrow(LoadUnitScores(here + "/" + kUnitScoresFile));
  const UnitScores scores = ValueOrThrow(LoadUnitScores(there + "/" + kUnitScoresFile));
  for (int metric = 0; metric < kScoreMetrics; ++metric) {
    EXPECT_THAT(scores.metrics[metric].heads,
                Pointwise(NearRelative(tolerance_), expected.metrics[metric].heads));
    EXPECT_THAT(scores.metrics[metric].groups,
                Pointwise(NearRelative(tolerance_), expected.metrics[metric].groups));
    EXPECT_THAT(scores.metrics[metric].neurons,
                Pointwise(NearRelative(tolerance_), expected.metrics[metric].neurons));
  }
  const LayerScores layers = ValueOrThrow(LoadLayerScores(there + "/" + kLayerScoresFile));
  EXPECT_THAT(
      layers.skipped_loss_sum,
      Pointwise(NearRelative(tolerance_),
                ValueOrThrow(LoadLayerScores(here + "/" + kLayerScoresFile)).skipped_loss_sum));
  for (const auto& [file, rows, key] : {std::tuple(kPlanReportFile, "levels", "held_out_nll"),
                                        std::tuple(kPlanReportFile, "candidates", "mean_nll"),
                                        std::tuple(kPlanReportFile, "candidates", "probe_loss"),
                                        std::tuple(kRecoverFile, "levels", "objective_after"),
                                        std::tuple(kRecoverFile, "levels", "held_out_nll"),
                                        std::tuple(kVerifyFile, "levels", "torch_nll")}) {
    const auto of = [&](const std::string& workspace) {
      return Numbers(ReadJsonFile(workspace + "/" + file)[rows], key);
    };
    EXPECT_FALSE(of(here).empty()) << file << " " << key;
    EXPECT_THAT(of(there), Pointwise(NearRelative(tolerance_), of(here))) << file << " " << key;
  }
}

TEST_F(PipelineOnSecondDeviceTest, WritesItsOwnTextAndTrainsInBfloat16) {
  PrepareOptions options = Quick(SecondDevice());
  options.recover.dtype = "auto";
  options.recover.checkpoint_layers = true;
  options.dtype = "bfloat16";
  options.allocation = Allocation::kUniform;
  options.policy = UnitPolicy::kKvGroup;
  options.exact_heads = false;
  options.weight_gradient = false;
  const std::string workspace = RunStages(options);
  const std::vector<double> losses =
      Numbers(ReadJsonFile(workspace + "/" + kRecoverFile)["levels"], "held_out_nll");
  EXPECT_EQ(losses.size(), 2U);
  for (const double loss : losses) EXPECT_TRUE(std::isfinite(loss));
}

TEST_F(PipelineOnSecondDeviceTest, ScoresQuestionsAndTexts) {
  std::vector<std::vector<double>> results;
  for (const torch::Device device : {torch::Device(torch::kCPU), SecondDevice()}) {
    RunContext context(Quick(device), "", Progress::Style::kNone);
    const LevelTable levels = FullLevelOnly(context.checkpoint().config());
    TorchEngine engine(context.model(), levels, 2, 1, std::vector<std::optional<LoraAdapter>>());
    const std::vector<ScoringRequest> requests = {{{1, 5, 9}, {{4, 7}, {8}}, true},
                                                  {{1, 2}, {{3, 3, 3}}, false}};
    std::vector<double>& values = results.emplace_back();
    for (const RequestScore& score : engine.Score(0, requests)) {
      for (const ContinuationScore& continuation : score) {
        values.insert(values.end(), continuation.log_probabilities.begin(),
                      continuation.log_probabilities.end());
        values.insert(values.end(), continuation.greedy.begin(), continuation.greedy.end());
      }
    }
    const TokenWindows windows{4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    const std::vector<double> losses = engine.WindowLosses(0, windows, {});
    values.insert(values.end(), losses.begin(), losses.end());
  }
  EXPECT_THAT(results[1], Pointwise(NearRelative(tolerance_), results[0]));
}

}  // namespace
}  // namespace elm
