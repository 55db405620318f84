#include "runtime/orchestrator/feasibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/orchestrator/testing/fakes.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using testing::LinearTable;

Slo Shares(double ttft, double tpot) {
  return {SloBound{ttft, SloBound::Unit::kShare}, SloBound{tpot, SloBound::Unit::kShare}};
}

Slo Milliseconds(double ttft, double tpot) {
  return {SloBound{ttft, SloBound::Unit::kMilliseconds},
          SloBound{tpot, SloBound::Unit::kMilliseconds}};
}

LevelGrid Grid() { return {UsualPromptLevels(), {200, 500, 1000}}; }

// A prompt of 400 tokens, 40 of them protected, 20 output tokens.
RequestSize Size() {
  RequestSize size;
  size.full_tokens = 400;
  size.kept_tokens = KeptTokens(UsualPromptLevels(), 400, 40);
  size.output_tokens = 20;
  return size;
}

Feasibility Find(const LatencyTable& table, const Slo& slo, const RequestSize& size,
                 const LatencyDrift& drift = {}) {
  return FindFeasible(table, Grid(), LimitsOf(table, slo, size.full_tokens, size.output_tokens),
                      size, drift);
}

TEST(FeasibilityTest, LimitsAreSharesOfTheFullModelOnTheFullPrompt) {
  const SloLimits limits = LimitsOf(LinearTable(), Shares(0.4, 0.7), 400, 20);
  EXPECT_NEAR(limits.ttft_ms, 0.4 * 400, 1e-9);
  EXPECT_NEAR(limits.tpot_ms, 0.7 * (10 + 4.1), 1e-9);  // at 400 + N / 2
  EXPECT_DOUBLE_EQ(limits.ttft_share, 0.4);
  EXPECT_DOUBLE_EQ(limits.tpot_share, 0.7);
  EXPECT_FALSE(limits.allow_everything);
}

TEST(FeasibilityTest, MillisecondsBecomeShares) {
  const SloLimits limits = LimitsOf(LinearTable(), Milliseconds(100, 28.2), 400, 20);
  EXPECT_DOUBLE_EQ(limits.ttft_ms, 100);
  EXPECT_NEAR(limits.ttft_share, 0.25, 1e-9);
  EXPECT_NEAR(limits.tpot_share, 2, 1e-9);
}

TEST(FeasibilityTest, WhatIsNotDemandedHasNoLimit) {
  const SloLimits limits = LimitsOf(LinearTable(), {}, 400, 20);
  EXPECT_TRUE(std::isinf(limits.ttft_ms));
  EXPECT_TRUE(std::isinf(limits.tpot_ms));
  EXPECT_TRUE(limits.allow_everything);
  const Slo only_ttft = {SloBound{0.5, SloBound::Unit::kShare}, std::nullopt};
  const Feasibility found = Find(LinearTable(), only_ttft, Size());
  EXPECT_TRUE(found.pairs[Grid().pair(3, 2)].feasible);   // full model, 160 of 400 tokens
  EXPECT_FALSE(found.pairs[Grid().pair(4, 2)].feasible);  // 200 tokens: 50 %, but for the margin
}

TEST(FeasibilityTest, KeptTokensAreTheBudgetOrWhatIsProtected) {
  EXPECT_THAT(KeptTokens(UsualPromptLevels(), 99, 25),
              ElementsAre(25, 25, 29, 39, 49, 59, 69, 79, 89, 99));
  EXPECT_THAT(KeptTokens(UsualPromptLevels(), 10, 10),
              ElementsAre(10, 10, 10, 10, 10, 10, 10, 10, 10, 10));
}

TEST(FeasibilityTest, EveryTimeCounts) {
  LatencyTable table = LinearTable();
  table.selection_ms_per_kilotoken = 5;
  table.switch_ms = 1.5;
  RequestSize size = Size();
  size.reads = true;
  size.tlm_tokens = 300;
  const Feasibility found = Find(table, Shares(0.4, 0.7), size);
  // Tiny LM 3 ms, selection 2 ms, switch 1.5 ms; 200 tokens at 0.5 take 100 ms.
  const PairCost& cost = found.pairs[Grid().pair(4, 1)];
  EXPECT_NEAR(cost.ttft_ms, 3 + 2 + 1.5 + 100, 1e-9);
  EXPECT_NEAR(cost.tpot_ms, 0.5 * (10 + 2.1), 1e-9);
  // Without the tiny LM neither it nor selection takes time.
  size.reads = false;
  EXPECT_NEAR(Find(table, Shares(0.4, 0.7), size).pairs[Grid().pair(4, 1)].ttft_ms, 1.5 + 100,
              1e-9);
  size.reads = true;
  size.tlm_ms = 30;
  EXPECT_NEAR(Find(table, Shares(0.4, 0.7), size).pairs[Grid().pair(4, 1)].ttft_ms,
              30 + 2 + 1.5 + 100, 1e-9);
}

TEST(FeasibilityTest, BothLimitsTightenedByTheMargin) {
  const LevelGrid grid = Grid();
  const Feasibility found = Find(LinearTable(), Shares(0.4, 0.7), Size());
  for (size_t pair = 0; pair < grid.pairs(); ++pair) {
    const PairCost& cost = found.pairs[pair];
    EXPECT_EQ(cost.feasible, cost.ttft_ms <= 0.95 * 160 && cost.tpot_ms <= 0.95 * 0.7 * 14.1);
  }
  // 160 tokens at the full model would take exactly the limit of TTFT; TPOT rules it out, too.
  EXPECT_FALSE(found.pairs[grid.pair(3, 2)].feasible);
  EXPECT_TRUE(found.pairs[grid.pair(6, 1)].feasible);   // 280 tokens at 0.5: 140 ms of 152
  EXPECT_FALSE(found.pairs[grid.pair(7, 1)].feasible);  // 320 tokens: 160 ms
  EXPECT_TRUE(found.any());
}

// By nominal shares the level 0.5 would meet 50 %; by its real latency it does not.
TEST(FeasibilityTest, LatencyDecidesNotTheNameOfALevel) {
  LatencyTable table = LinearTable();
  table.tpot_ms[1] = {8, 16};
  const Feasibility found = Find(table, Shares(1, 0.55), Size());
  for (size_t p = 0; p < 10; ++p) EXPECT_FALSE(found.pairs[Grid().pair(p, 1)].feasible);
  EXPECT_TRUE(found.pairs[Grid().pair(9, 0)].feasible);
}

TEST(FeasibilityTest, HundredPercentIsAlwaysFeasible) {
  LatencyTable table = LinearTable();
  table.margin = 0.5;
  const Feasibility found = Find(table, Shares(1, 1), Size(), {3, 3, 3});
  EXPECT_TRUE(found.limits.allow_everything);
  EXPECT_TRUE(found.pairs[Grid().full_pair()].feasible);
  // Nothing like that at 90 %, the published artifact's stand-in for 100 %.
  EXPECT_FALSE(LimitsOf(table, Shares(0.9, 1), 400, 20).allow_everything);
  EXPECT_FALSE(LimitsOf(table, Shares(1, 0.9), 400, 20).allow_everything);
}

TEST(FeasibilityTest, MillisecondsThatAllowEverythingMustOutlastMarginAndDrift) {
  const LatencyTable table = LinearTable();
  EXPECT_TRUE(LimitsOf(table, Milliseconds(422, 30), 400, 20).allow_everything);
  EXPECT_FALSE(LimitsOf(table, Milliseconds(420, 30), 400, 20).allow_everything);  // 5 % margin
  EXPECT_TRUE(LimitsOf(table, Milliseconds(600, 30), 400, 20).allow_everything);
  EXPECT_TRUE(LimitsOf(table, Milliseconds(600, 30), 400, 20, {1.4, 1, 1}).allow_everything);
  EXPECT_FALSE(LimitsOf(table, Milliseconds(600, 30), 400, 20, {1.6, 1, 1}).allow_everything);
}

TEST(FeasibilityTest, DriftSlowsPredictionsAndLeavesLimits) {
  const Feasibility calm = Find(LinearTable(), Shares(0.4, 0.7), Size());
  const Feasibility hot = Find(LinearTable(), Shares(0.4, 0.7), Size(), {2, 1.5, 1});
  EXPECT_EQ(hot.limits.ttft_ms, calm.limits.ttft_ms);
  for (size_t pair = 0; pair < Grid().pairs(); ++pair) {
    EXPECT_NEAR(hot.pairs[pair].ttft_ms, 2 * calm.pairs[pair].ttft_ms, 1e-9);
    EXPECT_NEAR(hot.pairs[pair].tpot_ms, 1.5 * calm.pairs[pair].tpot_ms, 1e-9);
    EXPECT_LE(hot.pairs[pair].feasible, calm.pairs[pair].feasible);
  }
}

TEST(FeasibilityTest, PromptsThatFillTheContextAreImpossible) {
  RequestSize size = Size();
  size.context = 200;
  const Feasibility found = Find(LinearTable(), {}, size);
  EXPECT_TRUE(found.pairs[Grid().pair(3, 2)].feasible);   // 160 tokens
  EXPECT_FALSE(found.pairs[Grid().pair(4, 2)].feasible);  // 200 tokens
  EXPECT_TRUE(std::isinf(found.Overrun(Grid().pair(4, 0))));
}

TEST(FeasibilityTest, LightestIsFasterThenSmaller) {
  Feasibility found;
  found.grid = {{500, 1000}, {200, 1000}};
  found.pairs = {{10, 2, true}, {10, 3, true}, {9, 5, true}, {10, 2, true}};
  EXPECT_TRUE(found.Lighter(2, 0));  // lower TTFT
  EXPECT_TRUE(found.Lighter(0, 1));  // lower TPOT
  EXPECT_TRUE(found.Lighter(0, 3));  // smaller model
  EXPECT_FALSE(found.Lighter(0, 0));
  // Prompts that come out alike: the one that asks for more.
  found.pairs[2] = found.pairs[0];
  EXPECT_TRUE(found.Lighter(2, 0));
  EXPECT_FALSE(found.Lighter(0, 2));
}

TEST(FeasibilityTest, LevelsThatTheTableLacksCostWhatTheNearestDoes) {
  const LatencyTable table = LinearTable();
  const LevelGrid grid = {{1000}, {300, 400, 1000}};
  RequestSize size = Size();
  size.kept_tokens = {400};
  const Feasibility found = FindFeasible(table, grid, LimitsOf(table, {}, 400, 20), size);
  EXPECT_NEAR(found.pairs[0].ttft_ms, 80, 1e-9);
  EXPECT_NEAR(found.pairs[1].ttft_ms, 200, 1e-9);
}

TEST(LevelGridTest, Rules) {
  EXPECT_TRUE(Validate(Grid()).ok());
  EXPECT_FALSE(Validate(LevelGrid{{}, {1000}}).ok());
  EXPECT_FALSE(Validate(LevelGrid{{500}, {1000}}).ok());
  EXPECT_FALSE(Validate(LevelGrid{{1000}, {500, 500, 1000}}).ok());
  EXPECT_FALSE(Validate(LevelGrid{{0, 1000}, {1000}}).ok());
}

}  // namespace
}  // namespace elm
