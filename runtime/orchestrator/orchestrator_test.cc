#include "runtime/orchestrator/orchestrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "runtime/engine/testing/tiny_model.h"
#include "runtime/orchestrator/testing/fakes.h"

namespace elm {
namespace {

using testing::FakeReader;
using ::testing::HasSubstr;
using testing::LinearTable;
using testing::ManualClock;
using testing::TableLlm;

SloBound Share(double value) { return {value, SloBound::Unit::kShare}; }
SloBound Ms(double value) { return {value, SloBound::Unit::kMilliseconds}; }

// 200 words of context, every tenth of which matters; words are one token each.
std::string Context() {
  std::string text;
  for (int i = 0; i < 200; ++i) text += StrCat(i == 0 ? "" : " ", i % 10 == 0 ? "Yes" : "no");
  return text;
}

class OrchestratorTest : public ::testing::Test {
 protected:
  OrchestratorTest() : llm_(LinearTable(), clock_), reader_(clock_) {
    config_.grid = {UsualPromptLevels(), {200, 500, 1000}};
    config_.table = LinearTable();
    AccuracyGrid accuracy;
    accuracy.prompt_levels_permille = UsualPromptLevels();
    accuracy.model_levels_permille = {200, 500, 1000};
    accuracy.items = 100;
    for (int p = 1; p <= 10; ++p) {
      for (const double m : {0.1, 0.2, 0.3}) accuracy.accuracy.push_back(0.05 * p + m);
    }
    config_.accuracy = accuracy;
  }

  static SloRequest Request(std::optional<SloBound> ttft, std::optional<SloBound> tpot) {
    SloRequest request;
    request.parts = {{PartRole::kInstructions, "Look at this:"},
                     {PartRole::kContext, Context()},
                     {PartRole::kQuestion, "who?"}};
    request.slo = {ttft, tpot};
    request.generate.max_tokens = 10;
    return request;
  }

  SloAnswer Answer(const SloRequest& request, bool with_reader = true) {
    Orchestrator orchestrator(config_, llm_, with_reader ? &reader_ : nullptr, clock_);
    auto answer = orchestrator.Answer(request);
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    return answer.ok() ? std::move(answer).value() : SloAnswer();
  }

  ManualClock clock_;
  TableLlm llm_;
  FakeReader reader_;
  OrchestratorConfig config_;
};

TEST_F(OrchestratorTest, ShortensSwitchesAnswersAndMeetsTheSlo) {
  reader_.answer.right[4 * 3 + 1] = 0.9F;  // half the prompt, half the model
  llm_.switch_ms = 0.25;
  const SloAnswer answer = Answer(Request(Share(0.4), Share(0.7)));
  const PreparedRequest& prepared = answer.prepared;
  EXPECT_EQ(prepared.tlm_use, TlmUse::kRead);
  EXPECT_EQ(prepared.decision.source, DecisionSource::kGrid);
  EXPECT_EQ(prepared.prompt_permille, 500U);
  EXPECT_EQ(prepared.model_permille, 500U);
  EXPECT_EQ(llm_.level_permille, 500U);
  EXPECT_EQ(llm_.prompt, prepared.compressed.prompt);
  EXPECT_LE(prepared.compressed.tokens, prepared.compressed.full_tokens / 2);
  EXPECT_THAT(llm_.prompt, HasSubstr("Look at this:\nYes"));
  EXPECT_THAT(llm_.prompt, HasSubstr("\nQ: who?\nA:"));
  // All words that matter are there.
  EXPECT_EQ(std::count(llm_.prompt.begin(), llm_.prompt.end(), 'Y'), 20);
  EXPECT_DOUBLE_EQ(reader_.asked_ttft, 0.4);
  EXPECT_DOUBLE_EQ(reader_.asked_tpot, 0.7);
  EXPECT_EQ(reader_.asked_question, "who?");

  // Every time apart, all of them in TTFT.
  EXPECT_NEAR(prepared.tlm_ms, 0.01 * 203, 1e-9);
  EXPECT_NEAR(answer.switch_ms, 0.25, 1e-9);
  EXPECT_GT(answer.result.ttft_ms, 40);
  EXPECT_NEAR(answer.ttft_ms,
              prepared.tlm_ms + prepared.selection_ms + 0.25 + answer.result.ttft_ms, 1e-9);
  EXPECT_EQ(answer.tpot_ms, answer.result.tpot_ms);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
  EXPECT_TRUE(answer.within_limits);
}

TEST_F(OrchestratorTest, EveryFeasibleDecisionHolds) {
  for (const double ttft : {0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}) {
    for (const double tpot : {0.5, 0.6, 0.7, 0.8, 0.9, 1.0}) {
      const SloAnswer answer = Answer(Request(Share(ttft), Share(tpot)));
      EXPECT_EQ(answer.outcome, SloOutcome::kMet) << ttft << " " << tpot;
    }
  }
}

TEST_F(OrchestratorTest, HundredPercentSkipsTheTinyLm) {
  const SloAnswer answer = Answer(Request(Share(1), Share(1)));
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kNotNeeded);
  EXPECT_EQ(reader_.reads, 0);
  EXPECT_EQ(answer.prepared.model_permille, 1000U);
  EXPECT_EQ(answer.prepared.compressed.tokens, answer.prepared.compressed.full_tokens);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

TEST_F(OrchestratorTest, HundredPercentIsMetByDefinitionMillisecondsAreNot) {
  config_.follow_drift = false;
  llm_.slowness = 1.01;
  SloAnswer answer = Answer(Request(Share(1), Share(1)));
  EXPECT_FALSE(answer.within_limits);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
  const SloBound full = Ms(1.06 * answer.prepared.limits.ttft_ms);  // the margin is 5 %
  llm_.slowness = 1.1;
  answer = Answer(Request(full, Share(1)));
  EXPECT_EQ(answer.prepared.decision.source, DecisionSource::kEverything);
  EXPECT_EQ(answer.outcome, SloOutcome::kMissed);
}

TEST_F(OrchestratorTest, TheQuestionReachesTheDecision) {
  SloRequest request = Request(Share(0.5), Share(0.5));
  request.parts.back().text = "something else?";
  Answer(request);
  EXPECT_EQ(reader_.asked_question, "something else?");
}

TEST_F(OrchestratorTest, ShortPromptsSkipTheTinyLm) {
  config_.short_prompt_tokens = 1000;
  const SloAnswer answer = Answer(Request(Share(0.55), Share(0.55)));
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kShortPrompt);
  EXPECT_EQ(reader_.reads, 0);
  EXPECT_EQ(answer.prepared.decision.source, DecisionSource::kAccuracy);
  EXPECT_EQ(answer.prepared.model_permille, 500U);
  EXPECT_EQ(answer.prepared.prompt_permille, 1000U);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

TEST_F(OrchestratorTest, WithoutATinyLmTheFullPromptAtTheBestFeasibleLevel) {
  SloAnswer answer = Answer(Request(Share(0.6), Share(0.6)), false);
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kAbsent);
  EXPECT_EQ(answer.prepared.model_permille, 500U);
  EXPECT_EQ(answer.prepared.decision.source, DecisionSource::kAccuracy);
  config_.accuracy.reset();
  answer = Answer(Request(Share(0.6), Share(0.6)), false);
  EXPECT_EQ(answer.prepared.model_permille, 500U);
  EXPECT_EQ(answer.prepared.decision.source, DecisionSource::kLargest);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

TEST_F(OrchestratorTest, ATinyLmThatIsTooSlowIsNotAsked) {
  config_.table.tlm_ms = {1000, 2000};
  const SloAnswer answer = Answer(Request(Share(0.6), Share(0.6)));
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kTooSlow);
  EXPECT_EQ(reader_.reads, 0);
  EXPECT_EQ(answer.prepared.model_permille, 500U);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

// What slowed it down may pass: it is not shut out for ever.
TEST_F(OrchestratorTest, ATinyLmThatWasSlowIsAskedAgain) {
  config_.table.tlm_ms = {0.1, 100};
  Orchestrator orchestrator(config_, llm_, &reader_, clock_);
  const auto use = [&] {
    return orchestrator.Answer(Request(Share(0.6), Share(0.6)))->prepared.tlm_use;
  };
  EXPECT_EQ(use(), TlmUse::kRead);
  reader_.token_ms = 1;
  int requests = 0;
  while (use() == TlmUse::kRead) ASSERT_LT(++requests, 20);
  reader_.token_ms = 0.1;
  requests = 0;
  while (use() == TlmUse::kTooSlow) ASSERT_LT(++requests, 50);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(use(), TlmUse::kRead);
}

TEST_F(OrchestratorTest, AnInfeasibleSloIsNeverASilentMiss) {
  const SloAnswer answer = Answer(Request(Share(0.01), Share(0.5)));
  EXPECT_EQ(answer.outcome, SloOutcome::kInfeasible);
  EXPECT_STREQ(SloOutcomeName(answer.outcome), "slo_infeasible");
  EXPECT_EQ(answer.prepared.decision.source, DecisionSource::kNearestMiss);
  EXPECT_FALSE(answer.within_limits);
  EXPECT_EQ(answer.result.text, "yes");  // answered all the same
  EXPECT_EQ(answer.prepared.model_permille, 200U);
  EXPECT_EQ(answer.prepared.prompt_permille, 100U);
}

TEST_F(OrchestratorTest, AMissIsSaid) {
  config_.follow_drift = false;
  reader_.answer.right[6 * 3 + 1] = 0.9F;
  llm_.slowness = 1.5;
  const SloAnswer answer = Answer(Request(Share(0.4), Share(0.7)));
  EXPECT_EQ(answer.outcome, SloOutcome::kMissed);
  EXPECT_TRUE(answer.prepared.decision.feasible);
  EXPECT_GT(answer.ttft_ms, answer.prepared.limits.ttft_ms);
}

TEST_F(OrchestratorTest, PredictionsFollowADeviceThatBecameSlow) {
  Orchestrator orchestrator(config_, llm_, &reader_, clock_);
  const SloRequest request = Request(Share(0.5), Share(0.8));
  reader_.answer.right[8 * 3 + 1] = 0.9F;
  llm_.slowness = 1.5;
  const auto first = orchestrator.Answer(request);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->outcome, SloOutcome::kMissed);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(orchestrator.Answer(request).ok());
  EXPECT_NEAR(orchestrator.drift().ttft, 1.5, 0.01);
  EXPECT_NEAR(orchestrator.drift().tpot, 1.5, 0.01);
  const auto later = orchestrator.Answer(request);
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(later->outcome, SloOutcome::kMet);
  EXPECT_EQ(later->prepared.limits.ttft_ms, first->prepared.limits.ttft_ms);
  EXPECT_LT(later->prepared.prompt_permille, first->prepared.prompt_permille);
}

TEST_F(OrchestratorTest, TimeThatTheTinyLmTookIsTakenFromTheRest) {
  reader_.answer.right[7 * 3 + 1] = 0.8F;  // 80 % of the prompt at 0.5: 40 % of TTFT
  reader_.answer.right[5 * 3 + 1] = 0.7F;
  const SloRequest request = Request(Share(0.44), Share(0.8));
  EXPECT_EQ(Answer(request).prepared.prompt_permille, 800U);
  reader_.token_ms = 0.1;  // ten times what its table says
  const SloAnswer answer = Answer(request);
  EXPECT_EQ(answer.prepared.prompt_permille, 600U);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

TEST_F(OrchestratorTest, PromptsBeyondTheContextAreShortenedWhateverTheSlo) {
  llm_.context_tokens = 150;
  SloAnswer answer = Answer(Request(std::nullopt, std::nullopt));
  EXPECT_LT(answer.prepared.compressed.tokens, 150U);
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kRead);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
}

TEST_F(OrchestratorTest, EmptyContextAndEmptyQuestion) {
  SloRequest request = Request(Share(0.6), Share(0.6));
  request.parts[1].text = "";
  SloAnswer answer = Answer(request);
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kRead);
  EXPECT_EQ(llm_.prompt, "Look at this:\nQ: who?\nA:");
  EXPECT_TRUE(answer.prepared.decision.feasible);

  request = Request(Share(0.6), Share(0.6));
  request.parts[2].text = "";
  answer = Answer(request);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);
  EXPECT_THAT(llm_.prompt, ::testing::Not(HasSubstr("Q:")));

  request.parts = {{PartRole::kInstructions, "Go on:"}};
  answer = Answer(request);
  EXPECT_EQ(answer.prepared.tlm_use, TlmUse::kNoContext);
  EXPECT_EQ(llm_.prompt, "Go on:");
}

TEST_F(OrchestratorTest, ForcedTextsStay) {
  SloRequest request = Request(Share(0.2), Share(0.5));
  request.parts[1].text += " needle in the hay";
  request.forced = {"needle in"};
  const SloAnswer answer = Answer(request);
  EXPECT_LT(answer.prepared.prompt_permille, 1000U);
  EXPECT_THAT(llm_.prompt, HasSubstr("needle in"));
}

TEST_F(OrchestratorTest, ProtectedPartsBeyondTheBudgetAreSaid) {
  SloRequest request = Request(Share(0.9), Share(0.9));
  request.parts[0].text = Context();
  reader_.answer.right[0] = 0.9F;
  const SloAnswer answer = Answer(request);
  EXPECT_EQ(answer.prepared.prompt_permille, 100U);
  EXPECT_TRUE(answer.prepared.compressed.protected_exceed);
  EXPECT_EQ(answer.outcome, SloOutcome::kMet);  // its cost was reckoned with
}

TEST_F(OrchestratorTest, BadRequests) {
  Orchestrator orchestrator(config_, llm_, &reader_, clock_);
  SloRequest request = Request(Share(0.5), Share(0.5));
  request.parts[1].text = "ab\xff";
  EXPECT_EQ(orchestrator.Prepare(request).status().message(), "context: byte 2 is not valid UTF-8");
  request.parts = {{PartRole::kContext, ""}, {PartRole::kQuestion, ""}};
  EXPECT_THAT(orchestrator.Prepare(request).status().message(), HasSubstr("request is empty"));
  request = Request(Share(-1), std::nullopt);
  EXPECT_THAT(orchestrator.Prepare(request).status().message(), HasSubstr("ttft is -100 %"));
  request = Request(std::nullopt, Ms(0));
  EXPECT_THAT(orchestrator.Prepare(request).status().message(), HasSubstr("tpot is 0 ms"));
  EXPECT_EQ(reader_.reads, 0);
}

TEST_F(OrchestratorTest, OddTextsPass) {
  for (const std::string& text :
       {std::string(10000, 'w'), std::string("\U0001f600 \U0001f3fd\u200d \U0001f468\u200d"),
        std::string("\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0639\u0627\u0644\u0645")}) {
    SloRequest request = Request(Share(0.3), Share(0.6));
    request.parts[1].text = text;
    const SloAnswer answer = Answer(request);
    EXPECT_LE(answer.prepared.compressed.tokens, answer.prepared.compressed.full_tokens);
    EXPECT_THAT(llm_.prompt, HasSubstr("Q: who?"));
  }
}

TEST(ConfigOfTest, WithoutATinyLmTheLevelsOfTheBundle) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok());
  const auto config = ConfigOf((*model)->bundle(), LinearTable());
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->grid.prompt_permille, UsualPromptLevels());
  EXPECT_EQ(config->grid.model_permille, (std::vector<uint32_t>{300, 600, 1000}));
  EXPECT_EQ(config->table, LinearTable());
  EXPECT_FALSE(config->accuracy.has_value());
}

}  // namespace
}  // namespace elm
