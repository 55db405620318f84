#include "toolchain/baselines/recover_pruned.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/baselines/testing/tiny_baseline.h"
#include "toolchain/eval/windows_loss.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

class RecoverPrunedTest : public ::testing::Test {
 protected:
  RecoverPrunedTest() : validation_(Examples()), examples_(Examples(), 3) {
    options_.rank = 2;
    options_.tokens = 1500;
    options_.batch_tokens = 64;
    options_.learning_rate = 2e-2;
    options_.dtype = "float32";
    options_.threads = 1;
  }

  std::vector<TrainingExample> Examples() const {
    std::vector<TrainingExample> examples(tiny_.calibration.count());
    for (size_t i = 0; i < examples.size(); ++i) {
      const auto row = tiny_.calibration.row(i);
      examples[i].Add(row.front(), TokenRole::kIgnored);
      examples[i].Add(std::vector<uint32_t>(row.begin() + 1, row.end()), TokenRole::kDocument);
    }
    return examples;
  }

  // Loss of each level without and with its adapter.
  void ExpectGain(const PrunedModel& pruned) {
    const RecoveryDiet diet{.teacher = tiny_.model,
                            .examples = examples_,
                            .validation = validation_,
                            .data_hash = "data",
                            .calibration_hash = "text"};
    const auto adapters = RecoverPruned(pruned, diet, options_, directory_.path(), {});
    ASSERT_EQ(adapters.size(), pruned.levels.size());
    for (size_t i = 0; i < adapters.size(); ++i) {
      ASSERT_TRUE(adapters[i].has_value());
      const PrunedLevel& level = pruned.levels[i];
      ForwardOptions pass{.level = &level.level, .biases = level.biases};
      const double before = MeasureLoss(pruned.model, tiny_.calibration, pass).mean;
      pass.adapter = &*adapters[i];
      EXPECT_LT(MeasureLoss(pruned.model, tiny_.calibration, pass).mean, before - 0.05);
    }
  }

  testing::TemporaryDirectory directory_;
  TinyBaseline tiny_;
  std::vector<TrainingExample> validation_;
  EpochExamples examples_;
  RecoverOptions options_;
};

TEST_F(RecoverPrunedTest, UnitsBlocksBiasesAndMergedLayersAreAllRecovered) {
  ExpectGain(PruneByMagnitude(tiny_.Inputs({300, 600})).front());
  ExpectGain(SkipLayersByInfluence(tiny_.Inputs({300, 400, 600})).front());
  BaselineInputs inputs = tiny_.Inputs({400});
  inputs.least_neurons = 2;
  ExpectGain(PruneByFluctuation(inputs).front());
  for (const PrunedModel& merged : MergeLayers(tiny_.Inputs({500}))) ExpectGain(merged);
}

TEST_F(RecoverPrunedTest, LevelsThatAreCutAlikeAreTrainedOnce) {
  const PrunedModel pruned = SkipLayersByInfluence(tiny_.Inputs({200, 300, 400, 500})).front();
  EXPECT_THAT(FirstAlike(pruned), ElementsAre(0, 1, 1, 3));
  ExpectGain(pruned);
  EXPECT_THAT(directory_.Entries(), ElementsAre("level_0.2.safetensors", "level_0.3.safetensors",
                                                "level_0.5.safetensors"));
}

TEST_F(RecoverPrunedTest, GatedLevelsAreNeverAlike) {
  EXPECT_THAT(FirstAlike(SparsifyByOracle(tiny_.Inputs({200, 300})).front()), ElementsAre(0, 1));
}

}  // namespace
}  // namespace elm
