#include "toolchain/pipeline/choose_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/pipeline/recover_data.h"
#include "toolchain/plan/testing/random_scores.h"
#include "toolchain/training/epoch_examples.h"

namespace elm {
namespace {

class ChoosePlanTest : public ::testing::Test {
 protected:
  ChoosePlanTest()
      : model_(RandomLlama(TinyConfig(), 1)),
        calibration_(RandomWindows(TinyConfig(), 6, 17, 2)),
        held_out_(RandomWindows(TinyConfig(), 2, 17, 3)),
        examples_(ExamplesOfWindows(calibration_), 1),
        judged_(ExamplesOfWindows(held_out_)) {
    std::mt19937_64 random(4);
    units_ = testing::RandomUnitScores(TinyConfig(), random);
    layers_ = testing::RandomLayerScores(TinyConfig(), random);
    recover_.rank = 2;
    recover_.batch_tokens = 64;
    recover_.dtype = "float32";
    recover_.threads = 2;
  }

  PlanChoice Choice(MeasurementStore store) const {
    PlanOptions options;
    options.levels = {400, 600, 800};
    options.neuron_snap = 4;
    options.anchor_share = 0;
    return {.model = model_,
            .units = units_,
            .layers = layers_,
            .calibration = calibration_,
            .held_out = held_out_,
            .options = options,
            .policies = {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead},
            .metrics = {ScoreMetric::kToken},
            .allocations = {Allocation::kUniform, Allocation::kMeasured, Allocation::kCore},
            .recover = recover_,
            .probe_examples = examples_,
            .probe_held_out = judged_,
            .store = std::move(store)};
  }

  Llama model_;
  UnitScores units_;
  LayerScores layers_;
  TokenWindows calibration_;
  TokenWindows held_out_;
  EpochExamples examples_;
  std::vector<TrainingExample> judged_;
  RecoverOptions recover_;
};

TEST_F(ChoosePlanTest, TheBestByTheProbeIsTriedWithTheOtherAllocations) {
  const std::vector<PlanCandidate> candidates =
      MeasureCandidates(Choice({}), [](size_t, size_t) {});
  ASSERT_EQ(candidates.size(), 4U);
  const size_t better = *candidates[0].probe_loss <= *candidates[1].probe_loss ? 0 : 1;
  EXPECT_EQ(candidates[2].allocation, Allocation::kMeasured);
  EXPECT_EQ(candidates[2].policy, candidates[better].policy);
  EXPECT_EQ(candidates[3].allocation, Allocation::kCore);
  EXPECT_EQ(candidates[3].policy, candidates[better].policy);
  for (const PlanCandidate& candidate : candidates) {
    EXPECT_GE(*candidate.probe_loss, *candidates[BestCandidate(candidates)].probe_loss);
  }
}

TEST_F(ChoosePlanTest, WithoutRecoveryTheCutModelsAreJudgedAsTheyAre) {
  recover_.recovery = Recovery::kNone;
  const std::vector<PlanCandidate> candidates =
      MeasureCandidates(Choice({}), [](size_t, size_t) {});
  for (const PlanCandidate& candidate : candidates) {
    EXPECT_FALSE(candidate.probe_loss);
    EXPECT_GE(candidate.mean_nll, candidates[BestCandidate(candidates)].mean_nll);
  }
}

TEST_F(ChoosePlanTest, AnInterruptedChoiceGoesOnWithTheNextCandidate) {
  std::map<std::string, CandidateMeasurement> kept;
  int measured = 0;
  MeasurementStore store;
  store.find = [&](const std::string& name) -> std::optional<CandidateMeasurement> {
    const auto found = kept.find(name);
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  };
  store.keep = [&](const std::string& name, const CandidateMeasurement& found) {
    ++measured;
    kept[name] = found;
  };
  const auto whole = MeasureCandidates(Choice({}), [](size_t, size_t) {});
  EXPECT_THROW(MeasureCandidates(Choice(store),
                                 [&](size_t, size_t) {
                                   if (measured == 2) throw Error(Internal("stop"));
                                 }),
               Error);
  ASSERT_EQ(measured, 2);
  const auto resumed = MeasureCandidates(Choice(store), [](size_t, size_t) {});
  EXPECT_EQ(measured, 4) << "only the two that were missing";
  ASSERT_EQ(resumed.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(resumed[i].result.plan, whole[i].result.plan);
    EXPECT_EQ(resumed[i].level_nll, whole[i].level_nll);
    EXPECT_EQ(resumed[i].probe_loss, whole[i].probe_loss);
  }
}

}  // namespace
}  // namespace elm
