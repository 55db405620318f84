// Labels, policies and what the published artifact gets wrong about them.
#include "toolchain/tlm/slo_labels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "datasets/pocket/random.h"
#include "toolchain/tlm/policies.h"

namespace elm {
namespace {

// A machine on which time grows with tokens and with the level, more slowly than the level's name
// says: half the weights take 0.6 of the time.
LatencyTable SomeTable() {
  LatencyTable table;
  table.name = "reference:test";
  table.level_permille = {500, 1000};
  table.ttft_tokens = {1, 1001};
  table.ttft_ms = {{6, 606}, {10, 1010}};
  table.tpot_context = {1, 1001};
  table.tpot_ms = {{12, 18}, {20, 30}};
  table.tlm_tokens = {1, 1001};
  table.tlm_ms = {1, 11};
  table.selection_ms_per_kilotoken = 1;
  table.switch_ms = 1;
  table.margin = 0.02;
  return table;
}

// Prompt levels 50 and 100 %, model levels 50 and 100 %; pairs (50, 50), (50, 100), (100, 50),
// (100, 100) of each item right as given.
LabelCube Cube(const std::vector<std::vector<uint16_t>>& right) {
  LabelCube cube;
  cube.prompt_levels_permille = {500, 1000};
  cube.model_levels_permille = {500, 1000};
  for (size_t i = 0; i < right.size(); ++i) {
    cube.items.push_back(i);
    for (const uint16_t value : right[i]) {
      cube.right.push_back(value);
      cube.share.push_back(value);
    }
    cube.full_tokens.push_back(200);
    cube.kept_tokens.insert(cube.kept_tokens.end(), {100, 200});
    cube.tlm_tokens.push_back(150);
  }
  return cube;
}

Feasibility Under(const LabelCube& cube, double ttft, double tpot) {
  return FeasibleFor(cube, 0, SomeTable(), {ttft, tpot});
}

std::vector<bool> FeasiblePairs(const Feasibility& feasibility) {
  std::vector<bool> pairs;
  for (const PairCost& pair : feasibility.pairs) pairs.push_back(pair.feasible);
  return pairs;
}

// Nominal ratios would call (100 %, 50 %) feasible at TTFT 50 %: half the model, half the time.
TEST(SloLabelsTest, FeasibleIsWhatTheTableSaysAndNotWhatLevelsAreCalled) {
  const LabelCube cube = Cube({{1, 1, 1, 1}});
  EXPECT_EQ(FeasiblePairs(Under(cube, 0.5, 1)), (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(FeasiblePairs(Under(cube, 0.7, 1)), (std::vector<bool>{true, true, true, false}));
  EXPECT_EQ(FeasiblePairs(Under(cube, 1, 0.7)), (std::vector<bool>{true, false, true, false}));
}

// 100 % is 100 %: the full model on the full prompt is feasible whatever the margin, and the tiny
// LM is not paid for. (The published artifact feeds 100 % as 90 %.)
TEST(SloLabelsTest, TheFullPairIsFeasibleWhenEverythingIsAllowed) {
  const Feasibility feasibility = Under(Cube({{0, 0, 0, 1}}), 1, 1);
  EXPECT_TRUE(feasibility.pairs.back().feasible);
  const std::optional<SloLabel> label =
      LabelOf(Cube({{0, 0, 0, 1}}), 0, feasibility, GridOf(Cube({{0, 0, 0, 1}})));
  ASSERT_TRUE(label);
  EXPECT_EQ(label->pair, 3U);
  EXPECT_TRUE(label->is_right);
}

// The published artifact lets later, heavier successes overwrite the lightest one.
TEST(SloLabelsTest, TheLabelIsTheLightestFeasiblePairThatIsRight) {
  const AccuracyGrid grid = GridOf(Cube({{0, 0, 0, 1}, {1, 1, 1, 1}}));
  for (const auto& [right, lightest] : std::vector<std::pair<std::vector<uint16_t>, size_t>>{
           {{1, 1, 1, 1}, 0}, {{0, 1, 1, 1}, 1}, {{0, 0, 1, 1}, 2}, {{1, 0, 0, 1}, 0}}) {
    const LabelCube cube = Cube({right});
    const std::optional<SloLabel> label = LabelOf(cube, 0, Under(cube, 0.7, 1), grid);
    ASSERT_TRUE(label);
    EXPECT_EQ(label->pair, lightest);
    EXPECT_TRUE(label->is_right);
  }
}

// The published artifact's default breaks most SLOs.
TEST(SloLabelsTest, TheDefaultIsFeasibleAndTheBestOnTheValidationSet) {
  // On the validation set the full pair is best, of the others (100 %, 50 %).
  const AccuracyGrid grid = GridOf(Cube({{0, 0, 1, 1}, {0, 1, 1, 1}, {0, 0, 0, 1}}));
  const LabelCube wrong = Cube({{0, 0, 0, 0}});
  const std::optional<SloLabel> label = LabelOf(wrong, 0, Under(wrong, 0.7, 1), grid);
  ASSERT_TRUE(label);
  EXPECT_EQ(label->pair, 2U);
  EXPECT_FALSE(label->is_right);
  const std::optional<SloLabel> tight = LabelOf(wrong, 0, Under(wrong, 0.5, 1), grid);
  ASSERT_TRUE(tight);
  EXPECT_EQ(tight->pair, 0U);
  EXPECT_FALSE(LabelOf(wrong, 0, Under(wrong, 0.01, 1), grid));  // nothing is feasible
}

TEST(SloLabelsTest, PoliciesAreScoredOnTheSameQuestions) {
  const LabelCube cube = Cube({{1, 0, 0, 0}, {0, 1, 1, 1}});
  const LabelCube rewordings = Cube({{1, 0, 0, 1}, {1, 1, 0, 1}});
  const AccuracyGrid grid = GridOf(Cube({{0, 1, 1, 1}, {0, 1, 0, 1}}));
  const LatencyTable table = SomeTable();
  const std::vector<SloShares> slos = {{0.7, 1}};
  // Heads that know: item 0 wants pair 0, item 1 pair 1.
  const auto outputs = [](const SloShares&) {
    return DecisionOutputs{{0.9F, 0.1F, 0.9F, 0.1F},
                           {0.9F, 0.1F, 0.1F, 0.9F},
                           {0.9F, 0.1F, 0.1F, 0.1F, 0.1F, 0.9F, 0.1F, 0.1F}};
  };
  const PolicyScores scores = ScorePolicies({cube, &rewordings, grid, table}, slos, outputs);
  using Values = std::vector<double>;
  EXPECT_EQ(scores.questions, 2U);
  EXPECT_EQ(scores.of(Policy::kGrid), (Values{1, 1}));
  EXPECT_EQ(scores.of(Policy::kClassifiers), (Values{1, 1}));
  EXPECT_EQ(scores.of(Policy::kBestFixed), (Values{0, 1}));   // pair 1 is best of the feasible ones
  EXPECT_EQ(scores.of(Policy::kOracle), (Values{1, 1}));      // chosen by the other wording
  EXPECT_EQ(scores.of(Policy::kModelOnly), (Values{0, 1}));   // (100 %, 50 %)
  EXPECT_EQ(scores.of(Policy::kPromptOnly), (Values{0, 1}));  // (50 %, 100 %)
  EXPECT_DOUBLE_EQ(scores.of(Policy::kRandom)[0], 1.0 / 3);
}

TEST(SloLabelsTest, ANewSetOfSlosIsLabelledInSeconds) {
  LabelCube cube;
  for (uint32_t level = 100; level <= 1000; level += 100) {
    cube.prompt_levels_permille.push_back(level);
    if (level > 100) cube.model_levels_permille.push_back(level);
  }
  pocket::Random random(1);
  for (size_t item = 0; item < 1000; ++item) {
    cube.items.push_back(item);
    for (size_t pair = 0; pair < cube.pairs(); ++pair) {
      cube.right.push_back(random.Chance(0.6) ? 1 : 0);
      cube.share.push_back(0.5F);
    }
    cube.full_tokens.push_back(300);
    for (const uint32_t level : cube.prompt_levels_permille) {
      cube.kept_tokens.push_back(300 * level / 1000);
    }
    cube.tlm_tokens.push_back(250);
  }
  const AccuracyGrid grid = GridOf(cube);
  const auto start = std::chrono::steady_clock::now();
  size_t labels = 0;
  for (const SloShares& slo : UsualSlos()) {
    for (size_t item = 0; item < cube.items.size(); ++item) {
      labels += LabelOf(cube, item, FeasibleFor(cube, item, SomeTable(), slo), grid) ? 1 : 0;
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_GT(labels, 40000U);
  EXPECT_LT(elapsed.count(), 5);
}

}  // namespace
}  // namespace elm
