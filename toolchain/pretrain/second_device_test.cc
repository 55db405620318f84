// Training from nothing on a device beside the processor.
#include "toolchain/model/testing/second_device.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/pretrain/trainer.h"
#include "toolchain/pretrain/training_checkpoint.h"

namespace elm {
namespace {

class PretrainOnSecondDeviceTest : public ::testing::TestWithParam<const char*> {
 protected:
  PretrainOptions Options() const {
    PretrainOptions options;
    options.model = TinyConfig();
    options.model.tied_head = true;
    options.batch_tokens = 40;
    options.tokens = 400;
    options.warmup_tokens = 40;
    options.dtype = GetParam();
    options.threads = 1;
    return options;
  }

  static TrainingStep Step(uint64_t seed) {
    TrainingStep step;
    const TokenWindows windows = RandomWindows(TinyConfig(), 4, 11, seed);
    for (size_t part = 0; part < 2; ++part) {
      MicroBatch& batch = step.parts.emplace_back();
      for (size_t i = 0; i < 2; ++i) {
        TrainingExample example;
        const auto row = windows.row(2 * part + i);
        example.Add(row.front(), TokenRole::kIgnored);
        example.Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kAnswer);
        batch.Add(example);
      }
    }
    step.before.tokens = seed * 40;
    return step;
  }
};

TEST_P(PretrainOnSecondDeviceTest, WeightsBecomeTheProcessors) {
  // Without the kernels that fuse operations, bfloat16 rounds elsewhere.
  const bool exact = std::string(GetParam()) == "float32";
  const double tolerance = exact ? SecondDeviceTolerance() : 2e-2;
  Trainer here(Options());
  Trainer there(Options(), SecondDevice());
  for (uint64_t step = 0; step < 3; ++step) {
    const double expected = here.Update(Step(step)).answer_mean();
    EXPECT_NEAR(there.Update(Step(step)).answer_mean(), expected, tolerance * expected);
  }
  const std::vector<MicroBatch> batches = Step(9).parts;
  EXPECT_NEAR(there.Measure(batches).answer_mean(), here.Measure(batches).answer_mean(),
              5 * tolerance);
  const auto expected = here.model().ExportWeights();
  const auto weights = there.model().ExportWeights();
  ASSERT_EQ(weights.size(), expected.size());
  for (size_t i = 0; exact && i < weights.size(); ++i) {
    EXPECT_LE(MaxDifference(weights[i], expected[i]), 10 * tolerance) << i;
  }
}

TEST_P(PretrainOnSecondDeviceTest, ItsStateIsKeptAndReadBack) {
  const testing::TemporaryDirectory directory;
  Trainer before(Options(), SecondDevice());
  before.Update(Step(0));
  TrainingState state;
  state.position.step = 1;
  SaveTraining(directory.path(), state, before.model(), before.optimizer());
  Trainer after(Options(), SecondDevice());
  LoadTraining(directory.path(), after.model(), after.optimizer());
  const auto expected = before.model().ExportWeights();
  const auto weights = after.model().ExportWeights();
  ASSERT_EQ(weights.size(), expected.size());
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_TRUE(torch::equal(weights[i], expected[i]));
  // The optimiser's moments, too.
  before.Update(Step(1));
  after.Update(Step(1));
  EXPECT_EQ(after.Measure(Step(2).parts).answer_mean(),
            before.Measure(Step(2).parts).answer_mean());
  after.model().LoadWeights(MemoryCheckpoint(Options().model, 3));
  EXPECT_GT(after.Measure(Step(1).parts).answer_mean(), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, PretrainOnSecondDeviceTest,
                         ::testing::Values("float32", "bfloat16"));

}  // namespace
}  // namespace elm
