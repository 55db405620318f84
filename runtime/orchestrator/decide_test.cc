#include "runtime/orchestrator/decide.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/orchestrator/testing/fakes.h"

namespace elm {
namespace {

using testing::LinearTable;

// Two prompt levels (50 and 100 tokens) by three model levels; nothing demanded of TPOT.
struct Problem {
  explicit Problem(double ttft_ms) {
    RequestSize size;
    size.full_tokens = 100;
    size.kept_tokens = {50, 100};
    const Slo slo = {SloBound{ttft_ms, SloBound::Unit::kMilliseconds}, std::nullopt};
    LatencyTable table = LinearTable();
    table.margin = 0;
    //   50 tokens: 10, 25, 50 ms; 100 tokens: 20, 50, 100 ms
    feasibility =
        FindFeasible(table, {{500, 1000}, {200, 500, 1000}}, LimitsOf(table, slo, 100, 16), size);
    accuracy.prompt_levels_permille = {500, 1000};
    accuracy.model_levels_permille = {200, 500, 1000};
    accuracy.items = 100;
    accuracy.accuracy = {0.3, 0.5, 0.7, 0.4, 0.6, 0.9};
    answer.prompt_levels = {0.6F, 0.4F};
    answer.model_levels = {0.1F, 0.2F, 0.7F};
    answer.right = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
  }

  Decision Run(DecisionKind kind = DecisionKind::kGrid) const {
    return Decide(feasibility, &answer, &accuracy, kind);
  }

  Feasibility feasibility;
  AccuracyGrid accuracy;
  TlmAnswer answer;
};

void ExpectPair(const Decision& decision, size_t prompt_level, size_t model_level,
                DecisionSource source) {
  EXPECT_EQ(decision.prompt_level, prompt_level);
  EXPECT_EQ(decision.model_level, model_level);
  EXPECT_EQ(decision.source, source) << DecisionSourceName(decision.source);
}

TEST(DecideTest, GridTakesTheMostProbableFeasiblePair) {
  Problem problem(60);
  ExpectPair(problem.Run(), 1, 1, DecisionSource::kGrid);
  problem.answer.right[2] = 0.55F;
  ExpectPair(problem.Run(), 0, 2, DecisionSource::kGrid);
  EXPECT_TRUE(problem.Run().feasible);
  EXPECT_DOUBLE_EQ(problem.Run().predicted.ttft_ms, 50);
}

TEST(DecideTest, GridNeverTakesAnInfeasiblePair) {
  Problem problem(22);
  problem.answer.right = {0.1F, 1, 1, 0.05F, 1, 1};
  ExpectPair(problem.Run(), 0, 0, DecisionSource::kGrid);
}

TEST(DecideTest, EqualProbabilitiesGoToTheLightest) {
  Problem problem(60);
  problem.answer.right.assign(6, 0.5F);
  ExpectPair(problem.Run(), 0, 0, DecisionSource::kGrid);
}

TEST(DecideTest, ProbabilitiesThatAreNoNumbersLose) {
  Problem problem(60);
  problem.answer.right.assign(6, std::numeric_limits<float>::quiet_NaN());
  ExpectPair(problem.Run(), 0, 0, DecisionSource::kGrid);
  problem.answer.right[4] = 0.001F;
  ExpectPair(problem.Run(), 1, 1, DecisionSource::kGrid);
}

TEST(DecideTest, ClassifiersDecideWhereTheirChoiceIsFeasible) {
  ExpectPair(Problem(60).Run(DecisionKind::kClassifiers), 0, 2, DecisionSource::kClassifiers);
}

TEST(DecideTest, FallbackIsTheMostAccurateFeasiblePair) {
  ExpectPair(Problem(49).Run(DecisionKind::kClassifiers), 0, 1, DecisionSource::kFallback);
  Problem problem(49);
  problem.accuracy.accuracy = {0.3, 0.2, 0.7, 0.4, 0.6, 0.9};
  ExpectPair(problem.Run(DecisionKind::kClassifiers), 1, 0, DecisionSource::kFallback);
}

TEST(DecideTest, WithoutTheTinyLmAccuracyDecides) {
  const Problem problem(60);
  ExpectPair(Decide(problem.feasibility, nullptr, &problem.accuracy, DecisionKind::kGrid), 0, 2,
             DecisionSource::kAccuracy);
  ExpectPair(Decide(problem.feasibility, nullptr, nullptr, DecisionKind::kGrid), 0, 2,
             DecisionSource::kLargest);
}

TEST(DecideTest, PairsThatWereNotMeasuredComeLast) {
  Problem problem(60);
  problem.accuracy.model_levels_permille = {200, 700, 1000};
  problem.accuracy.accuracy = {0.0, 0.9, 0.0, 0.1, 0.9, 0.9};
  ExpectPair(Decide(problem.feasibility, nullptr, &problem.accuracy, DecisionKind::kGrid), 1, 0,
             DecisionSource::kAccuracy);
}

TEST(DecideTest, EverythingAllowedIsTheFullModelOnTheFullPrompt) {
  Problem problem(100);
  problem.answer.right = {1, 1, 1, 1, 1, 0};
  ExpectPair(problem.Run(), 1, 2, DecisionSource::kEverything);
  EXPECT_TRUE(problem.Run().feasible);
}

TEST(DecideTest, InfeasibleIsSaidAndMissedByLittle) {
  const Problem problem(5);
  const Decision decision = problem.Run();
  ExpectPair(decision, 0, 0, DecisionSource::kNearestMiss);
  EXPECT_FALSE(decision.feasible);
  EXPECT_DOUBLE_EQ(decision.predicted.ttft_ms, 10);
}

TEST(DecideTest, OfEqualMissesTheMoreAccurate) {
  RequestSize size;
  size.full_tokens = 100;
  size.kept_tokens = {50, 100};
  LatencyTable table = LinearTable();
  table.tpot_ms = {{9, 9}, {9, 9}, {10, 20}};
  table.margin = 0;
  // TPOT is missed by all; by the first two levels alike, whatever the prompt.
  const Slo slo = {SloBound{1000, SloBound::Unit::kMilliseconds},
                   SloBound{6, SloBound::Unit::kMilliseconds}};
  Problem problem(1);
  problem.feasibility =
      FindFeasible(table, {{500, 1000}, {200, 500, 1000}}, LimitsOf(table, slo, 100, 16), size);
  ExpectPair(problem.Run(), 1, 1, DecisionSource::kNearestMiss);
}

}  // namespace
}  // namespace elm
