#include "toolchain/trace/play_economics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "toolchain/base/error.h"
#include "toolchain/eval/task_set.h"
#include "toolchain/trace/testing/tables.h"
#include "toolchain/trace/trace_summary.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

// A token for each byte.
std::vector<uint32_t> EncodeBytes(std::string_view text) {
  std::vector<uint32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<uint8_t>(byte));
  return ids;
}

std::string Decode(const std::vector<uint32_t>& ids) {
  std::string text;
  for (const uint32_t id : ids) text += static_cast<char>(id);
  return text;
}

// Costs go by words.
class WordCounter : public TokenCounter {
 public:
  size_t Count(std::string_view prompt) const override { return SplitWords(prompt).size(); }
  std::vector<uint32_t> TokenEnds(std::string_view text) const override {
    std::vector<uint32_t> ends;
    for (const std::string_view word : SplitWords(text)) {
      ends.push_back(static_cast<uint32_t>(word.data() + word.size() - text.data()));
    }
    return ends;
  }
};

// Only counts.
class FakeLlm : public Llm {
 public:
  const TokenCounter& counter() const override { return counter_; }
  size_t context() const override { return 4096; }
  Status SetLevel(uint32_t) override { return Internal("nobody is asked"); }
  Result<GenerateResult> Generate(std::string_view, const GenerateOptions&,
                                  const TextSink&) override {
    return Internal("nobody is asked");
  }

 private:
  WordCounter counter_;
};

// Answers right from level `least` up, when the prompt still holds the word KEY.
class FakeEngine : public ScoringEngine {
 public:
  explicit FakeEngine(size_t least) : least_(least) {}
  const char* name() const override { return "fake"; }
  std::vector<RequestScore> Score(size_t level, std::span<const ScoringRequest> requests,
                                  const ScoringProgress&) override {
    std::vector<RequestScore> scores;
    for (const ScoringRequest& request : requests) {
      const bool knows = level >= least_ && Decode(request.prompt).find("KEY") != std::string::npos;
      RequestScore score;
      for (const auto& ids : request.continuations) {
        const bool right = Decode(ids) == " hall";
        score.push_back({std::vector<double>(ids.size(), right == knows ? -0.1 : -2.0), {}});
      }
      scores.push_back(score);
      ++asked;
    }
    return scores;
  }
  std::vector<double> WindowLosses(size_t, const TokenWindows&, const ScoringProgress&) override {
    return {};
  }

  size_t asked = 0;

 private:
  size_t least_;
};

// Keeps KEY before anything else; thinks each pair as likely right as it is told.
class FakeReader : public PromptReader {
 public:
  const TlmSettings& settings() const override { return settings_; }
  Result<TlmAnswer> Read(const TlmQuestion& question) override {
    TlmAnswer answer;
    for (const std::string_view word : SplitWords(question.context)) {
      const auto begin = static_cast<uint32_t>(word.data() - question.context.data());
      answer.pieces.push_back(
          {{begin, begin + static_cast<uint32_t>(word.size())}, word == "KEY" ? 0.9F : 0.1F});
    }
    answer.right = right;
    answer.prompt_levels = prompt_levels;
    answer.model_levels = model_levels;
    answer.tokens = 10;
    answer.windows = 1;
    return answer;
  }
  size_t CountTokens(const TlmQuestion&) const override { return 10; }

  std::vector<float> right = std::vector<float>(9, 0.5F);
  std::vector<float> prompt_levels = {0, 0, 1};
  std::vector<float> model_levels = {0, 0, 1};

 private:
  TlmSettings settings_;
};

// Contexts of 90 words, prompts of about 100.
Task MakeNotes(size_t index) {
  Task task;
  task.id = StrCat("n", index);
  task.task = "notes";
  task.instructions = "Answer from these notes.";
  std::string words = StrCat("note", index);
  for (int i = 0; i < 88; ++i) words += i == 40 ? " KEY" : StrCat(" w", i);
  task.context = {words};
  task.question = "Where is it?";
  task.options = {"attic", "hall"};
  task.answer = "hall";
  return task;
}

Trace MakeNotesTrace() {
  Trace trace;
  trace.alpha = 0;
  trace.seed = 1;
  const auto app = [&](const char* name, double ttft, double tpot) {
    trace.apps.push_back(
        {name,
         {SloBound{ttft, SloBound::Unit::kShare}, SloBound{tpot, SloBound::Unit::kShare}},
         "",
         {}});
  };
  app("Impossible", 0.001, 0.5);
  app("Strict", 0.4, 0.7);
  app("Relaxed", 1, 1);
  for (size_t i = 0; i < 4; ++i) trace.tasks.push_back(MakeNotes(i));
  for (size_t i = 0; i < 12; ++i) {
    trace.requests.push_back({static_cast<double>(i), i % 3, i % 4});
  }
  return trace;
}

class PlayEconomicsTest : public ::testing::Test {
 protected:
  PlayEconomicsTest() {
    config_.grid = {{200, 600, 1000}, {200, 600, 1000}};
    config_.table = testing::ProportionalTable();
    config_.follow_drift = false;
    config_.accuracy = {{200, 600, 1000},
                        {200, 600, 1000},
                        10,
                        {0.1, 0.2, 0.3, 0.15, 0.7, 0.8, 0.2, 0.75, 0.9},
                        std::vector<double>(9, 0.1)};
  }

  AnswerScoring Scoring(FakeEngine& engine) const {
    return {.engine = engine,
            .rules = {.decoder = {}, .context = 4096},
            .encode = EncodeBytes,
            .bos = std::nullopt};
  }

  EconomicsResults Play(EconomicsResults results = {}) {
    const EconomicsInputs inputs = {
        .traces = traces_,
        .planner = {.config = config_, .llm = llm_, .reader = reader_},
        .scoring = Scoring(engine_),
        .engine_levels = {0, 1, 2},
        .baselines = baselines_,
        .sparse = sparse_ ? &*sparse_ : nullptr,
    };
    PlayEconomics(inputs, {}, results);
    return results;
  }

  // Right on half of the tasks at 0.2, on all at 1.0.
  void AddBaseline() {
    std::vector<const Task*> asked;
    for (const Task& task : traces_[0].tasks) asked.push_back(&task);
    EvalFamily& family = report_.families.emplace_back();
    family.name = "notes";
    family.items = 4;
    family.hash = HashTasks(asked);
    report_.levels.resize(2);
    report_.levels[0].name_permille = 200;
    report_.levels[0].reached_share = 0.2;
    report_.levels[0].families = {{.correct = {true, false, true, false}}};
    report_.levels[1].name_permille = 1000;
    report_.levels[1].reached_share = 1;
    report_.levels[1].families = {{.correct = {true, true, true, true}}};
    answers_ = std::make_shared<BaselineAnswers>(report_, "base.json", traces_[0].tasks);
    baselines_ = {{{"laco/a", "LaCo", PolicyRole::kBaseline, "a", ""}, answers_}};
  }

  const TraceCase& Case(const EconomicsResults& results, const std::string& app) const {
    return *std::find_if(results.cases.begin(), results.cases.end(),
                         [&](const TraceCase& one) { return one.app == app; });
  }

  std::vector<Trace> traces_ = {MakeNotesTrace()};
  OrchestratorConfig config_;
  FakeLlm llm_;
  FakeReader reader_;
  FakeEngine engine_{1};
  FakeEngine sparse_engine_{0};
  EvalReport report_;
  std::shared_ptr<const BaselineAnswers> answers_;
  std::vector<TraceBaseline> baselines_;
  std::optional<SparseDecoding> sparse_;
};

TEST_F(PlayEconomicsTest, TakesTheFeasiblePairThatIsMostProbablyRight) {
  reader_.right = {0.1F, 0.2F, 0.3F, 0.1F, 0.6F, 0.9F, 0.1F, 0.7F, 0.95F};
  const EconomicsResults results = Play();
  // 40 % of TTFT and 70 % of TPOT leave (0.2, *), (0.6, <= 0.6) by TTFT, models <= 0.6 by TPOT.
  const PolicyAnswer& ours = Case(results, "Strict").answers.at(kOurPolicy);
  EXPECT_EQ(ours.prompt_permille, 600U);
  EXPECT_EQ(ours.model_permille, 600U);
  EXPECT_TRUE(ours.met);
  EXPECT_TRUE(ours.correct) << "KEY was kept, and 0.6 knows the answer";
  EXPECT_LE(ours.tokens, 60U);
  EXPECT_NEAR(ours.ttft_ms, 0.6 * ours.tokens + 0.1, 0.02) << "tiny LM and prefill";
  EXPECT_DOUBLE_EQ(ours.tpot_ms, 6);
}

TEST_F(PlayEconomicsTest, WhereEverythingIsAllowedNothingIsShortenedOrPaidFor) {
  const EconomicsResults results = Play();
  const TraceCase& one = Case(results, "Relaxed");
  const PolicyAnswer& ours = one.answers.at(kOurPolicy);
  EXPECT_EQ(ours.prompt_permille, 1000U);
  EXPECT_EQ(ours.model_permille, 1000U) << "100 % is not 90 %";
  EXPECT_EQ(ours.tokens, one.full_tokens);
  EXPECT_DOUBLE_EQ(ours.ttft_ms, one.ttft_limit_ms);
  EXPECT_TRUE(ours.met);
  EXPECT_TRUE(one.answers.at(kFixedPolicy).met);
}

TEST_F(PlayEconomicsTest, AnSloThatNoPairMeetsIsNeverMet) {
  AddBaseline();
  const EconomicsResults results = Play();
  const TraceCase& one = Case(results, "Impossible");
  EXPECT_EQ(one.feasible_pairs, 0U);
  for (const auto& [policy, answer] : one.answers) EXPECT_FALSE(answer.met) << policy;
  const GroupSummary group = Summarise(results).front();
  EXPECT_EQ(group.Find(kOurPolicy)->attainment.feasible, 8U);
  EXPECT_EQ(group.Find(kOurPolicy)->attainment.all, 12U);
  EXPECT_DOUBLE_EQ(group.Find(kOurPolicy)->attainment.share(), 1);
  EXPECT_DOUBLE_EQ(group.Find(kOurPolicy)->attainment.of_all(), 8.0 / 12);
}

TEST_F(PlayEconomicsTest, TheFullModelBreaksStrictSlos) {
  const EconomicsResults results = Play();
  EXPECT_FALSE(Case(results, "Strict").answers.at(kFullPolicy).met);
  EXPECT_TRUE(Case(results, "Strict").answers.at(kFullPolicy).correct);
  EXPECT_TRUE(Case(results, "Relaxed").answers.at(kFullPolicy).met);
}

// Published mistake: the default broke most SLOs.
TEST_F(PlayEconomicsTest, ADecisionThatBreaksTheSloFallsBackToAFeasiblePair) {
  config_.decision = DecisionKind::kClassifiers;  // which want the full model on the full prompt
  const EconomicsResults results = Play();
  const PolicyAnswer& ours = Case(results, "Strict").answers.at(kOurPolicy);
  EXPECT_TRUE(ours.met);
  EXPECT_EQ(ours.prompt_permille, 600U) << "the most accurate of the feasible ones";
  EXPECT_EQ(ours.model_permille, 600U);
}

TEST_F(PlayEconomicsTest, RandomPairsAreFeasibleAndTheSameEveryTime) {
  const EconomicsResults results = Play();
  for (const TraceCase& one : results.cases) {
    EXPECT_EQ(one.answers.at(kRandomPolicy).met, one.feasible_pairs > 0) << one.task;
  }
  EXPECT_EQ(Play().cases, results.cases);
}

TEST_F(PlayEconomicsTest, BaselinesAnswerAtTheLevelThatTheSloAdmits) {
  AddBaseline();
  const EconomicsResults results = Play();
  for (const TraceCase& one : results.cases) {
    const PolicyAnswer& answer = one.answers.at("laco/a");
    const bool even = one.task == "n0" || one.task == "n2";
    EXPECT_EQ(answer.tokens, one.full_tokens) << "a baseline has no prompt level";
    if (one.app == "Relaxed") {
      EXPECT_EQ(answer.model_permille, 1000U);
      EXPECT_TRUE(answer.met);
      EXPECT_TRUE(answer.correct);
    } else {
      EXPECT_EQ(answer.model_permille, 200U);
      EXPECT_EQ(answer.met, one.app == "Strict");
      EXPECT_EQ(answer.correct, even);
    }
  }
}

TEST_F(PlayEconomicsTest, Llmlingua2KeepsThePromptThatTheFullModelCanRead) {
  AddBaseline();
  sparse_.emplace(SparseDecoding{{kLinguaPolicy, "LLMLingua-2 + CS", PolicyRole::kBaseline, "", ""},
                                 Scoring(sparse_engine_),
                                 answers_});
  const EconomicsResults results = Play();
  const PolicyAnswer& answer = Case(results, "Strict").answers.at("llmlingua-cs/a");
  EXPECT_EQ(answer.prompt_permille, 200U) << "of the full model's time 40 % are left";
  EXPECT_EQ(answer.model_permille, 200U) << "sparsity, by TPOT alone";
  EXPECT_TRUE(answer.met);
  EXPECT_TRUE(answer.correct);
  EXPECT_GT(answer.ttft_ms, 15) << "TTFT is that of all units";
  EXPECT_EQ(Case(results, "Relaxed").answers.at("llmlingua-cs/a").prompt_permille, 1000U);
  const GroupSummary group = Summarise(results).front();
  EXPECT_EQ(group.policies[2].name, "llmlingua-cs/a");
  EXPECT_EQ(group.policies[3].title, "mean of the 2");
}

TEST_F(PlayEconomicsTest, WhatWasMeasuredIsNotMeasuredAgain) {
  const EconomicsResults first = Play();
  EXPECT_GT(engine_.asked, 0U);
  engine_.asked = 0;
  EconomicsResults interrupted = first;
  for (TraceCase& one : interrupted.cases) one.answers.clear();
  EXPECT_EQ(Play(interrupted), first);
  EXPECT_EQ(engine_.asked, 0U);

  interrupted.cases.pop_back();
  EXPECT_EQ(Play(interrupted), first);
  EXPECT_GT(engine_.asked, 0U);
}

TEST_F(PlayEconomicsTest, TheSameTaskOfOneAppIsOneCaseInAllTraces) {
  traces_.push_back(traces_[0]);
  traces_[1].seed = 2;
  const EconomicsResults results = Play();
  EXPECT_EQ(results.cases.size(), 12U);
  EXPECT_EQ(results.traces[1].cases, results.traces[0].cases);
}

TEST_F(PlayEconomicsTest, RefusesATaskThatDoesNotFitTheModel) {
  AnswerScoring scoring = Scoring(engine_);
  scoring.rules.context = 50;
  const EconomicsInputs inputs = {.traces = traces_,
                                  .planner = {.config = config_, .llm = llm_, .reader = reader_},
                                  .scoring = scoring,
                                  .engine_levels = {0, 1, 2}};
  EconomicsResults results;
  try {
    PlayEconomics(inputs, {}, results);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("task n0: prompt and longest answer have"));
  }
}

}  // namespace
}  // namespace elm
