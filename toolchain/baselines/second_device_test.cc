// Every method on a device beside the processor.
#include "toolchain/model/testing/second_device.h"

#include <gtest/gtest.h>

#include <cmath>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/baselines/run_baselines.h"
#include "toolchain/baselines/testing/tiny_baseline.h"
#include "toolchain/model/testing/random_bundle.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

class BaselinesOnSecondDeviceTest : public ::testing::Test {
 protected:
  std::vector<TrainingExample> Examples() const {
    std::vector<TrainingExample> examples(calibration_.count());
    for (size_t i = 0; i < examples.size(); ++i) {
      const auto row = calibration_.row(i);
      examples[i].Add(row.front(), TokenRole::kIgnored);
      examples[i].Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kDocument);
    }
    return examples;
  }

  // All methods in both tables, with every level's losses.
  BaselinesReport Bench(torch::Device device) const {
    const testing::TemporaryDirectory directory;
    const MemoryCheckpoint checkpoint(config_, 1);
    WriteRandomBundle(checkpoint, RandomOrder(config_, true, 4), WeightType::kF32,
                      directory.Path("model.elm"));
    const Llama model = Llama::Load(checkpoint, device, torch::kFloat32);
    const std::vector<TrainingExample> validation = Examples();
    const EpochExamples examples(Examples(), 3);
    const RecoveryDiet diet{.teacher = model,
                            .examples = examples,
                            .validation = validation,
                            .data_hash = "data",
                            .calibration_hash = "text"};
    const std::vector<TextSet> texts = {{"text", RandomWindows(config_, 3, 9, 5), "xxh3:5"}};
    const TaskSet tasks;
    const Questions questions{tasks, texts};
    const AnswerRules rules;
    RecoverOptions recover;
    recover.rank = 2;
    recover.tokens = 150;
    recover.batch_tokens = 64;
    recover.dtype = "float32";
    recover.threads = 1;
    BaselinesRun run{.model = model,
                     .methods = ChooseMethods({"all"}),
                     .tables = {BaselineTable::kPublished, BaselineTable::kSameRecovery},
                     .names = {500},
                     .bundle = directory.Path("model.elm"),
                     .siblings = {},
                     .checkpoint_sha256 = "",
                     .tokenizer_sha256 = "",
                     .calibration = calibration_,
                     .diet = diet,
                     .recover = recover,
                     .questions = questions,
                     .rules = rules,
                     .heading = {},
                     .workspace = directory.Path("work"),
                     .json = directory.Path("base.json")};
    run.heading.model_form = "random weights";
    run.heading.model_hash = "xxh3:1";
    run.heading.texts = DescribeTexts(texts);
    return RunBaselines(run, {});
  }

  const ModelConfig config_ = SixLayers();
  const TokenWindows calibration_ = RandomWindows(config_, 6, 17, 2);
};

TEST_F(BaselinesOnSecondDeviceTest, EveryMethodGivesTheProcessorsLosses) {
  const BaselinesReport expected = Bench(torch::kCPU);
  const BaselinesReport report = Bench(SecondDevice());
  ASSERT_FALSE(expected.entries.empty());
  ASSERT_EQ(report.entries.size(), expected.entries.size());
  for (size_t i = 0; i < report.entries.size(); ++i) {
    const BaselineEntry& entry = report.entries[i];
    ASSERT_EQ(entry.method, expected.entries[i].method);
    ASSERT_EQ(entry.report.levels.size(), expected.entries[i].report.levels.size());
    for (size_t level = 0; level < entry.report.levels.size(); ++level) {
      const auto& losses = entry.report.levels[level].texts[0].losses;
      const auto& wanted = expected.entries[i].report.levels[level].texts[0].losses;
      ASSERT_EQ(losses.size(), wanted.size());
      for (size_t window = 0; window < losses.size(); ++window) {
        EXPECT_NEAR(losses[window], wanted[window], 10 * SecondDeviceTolerance()) << entry.method;
      }
    }
  }
}

}  // namespace
}  // namespace elm
