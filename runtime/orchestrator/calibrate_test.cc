#include "runtime/orchestrator/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/engine/testing/tiny_model.h"
#include "runtime/orchestrator/calibration_text.h"
#include "runtime/orchestrator/testing/fakes.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using testing::FakeReader;
using testing::ManualClock;
using ::testing::SizeIs;

// Every look at it takes a little longer than the one before.
class TickingClock : public MonotonicClock {
 public:
  double NowMs() const override { return now_ms_ += 1; }

 private:
  mutable double now_ms_ = 0;
};

class CalibrateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = testing::LoadSmallModel(testing::SmallContents());
    ASSERT_TRUE(model.ok());
    auto session = Session::Create(*model, {.threads = 1});
    ASSERT_TRUE(session.ok());
    session_ = std::move(session).value();
  }

  CalibrationPlan Plan() const {
    CalibrationPlan plan;
    plan.name = "a device";
    plan.bundle_hash = 7;
    plan.rounds = 3;
    plan.prompt_tokens = {8, 32, 64};
    plan.context_tokens = {16, 64};
    plan.decoded_tokens = 4;
    plan.tlm_words = {4, 16, 17, 40};
    return plan;
  }

  std::unique_ptr<Session> session_;
  TickingClock ticking_;
};

TEST_F(CalibrateTest, MeasuresEveryPoint) {
  ManualClock reader_clock;
  FakeReader reader(reader_clock);
  const auto result = Calibrate(*session_, &reader, Plan(), {}, ticking_);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->rounds, 3U);
  EXPECT_FALSE(result->cancelled);
  const LatencyTable& table = result->table;
  EXPECT_EQ(table.name, "a device");
  EXPECT_EQ(table.bundle_hash, 7U);
  EXPECT_THAT(table.level_permille, ElementsAre(300, 600, 1000));
  EXPECT_THAT(table.ttft_tokens, ElementsAre(8, 32, 64));
  EXPECT_THAT(table.ttft_ms, SizeIs(3));
  EXPECT_THAT(table.tpot_context, ElementsAre(16, 64));
  EXPECT_THAT(table.tlm_tokens, ElementsAre(7, 19, 20, 43));
  // One tick a measurement: of TPOT it is shared by four tokens, of switches by 64.
  EXPECT_THAT(table.ttft_ms[1], ElementsAre(1, 1, 1));
  EXPECT_THAT(table.tpot_ms[2], ElementsAre(0.25, 0.25));
  EXPECT_THAT(table.tlm_ms, ElementsAre(1, 1, 1, 1));
  EXPECT_DOUBLE_EQ(table.switch_ms, 1.0 / 64);
  EXPECT_GT(table.selection_ms_per_kilotoken, 1);
  EXPECT_DOUBLE_EQ(table.margin, kLeastMargin);
  EXPECT_TRUE(Validate(table).ok());
}

TEST_F(CalibrateTest, WithoutATinyLm) {
  const auto result = Calibrate(*session_, nullptr, Plan(), {}, ticking_);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_TRUE(result->table.tlm_tokens.empty());
}

TEST_F(CalibrateTest, LevelsFollowEachOtherAndTimeEndsIt) {
  CalibrationPlan plan = Plan();
  plan.rounds = 1000;
  std::vector<std::string> announced;
  CalibrationHooks hooks;
  double last = 0;
  hooks.progress = [&](const std::string& what, double done) {
    announced.push_back(what);
    EXPECT_GE(done, last);
    EXPECT_LE(done, 1);
    last = done;
  };
  plan.seconds = 0.5;  // 500 ticks
  const auto result = Calibrate(*session_, nullptr, plan, hooks, ticking_);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(announced[0], "warm-up, level 0.3, 8 tokens");
  EXPECT_EQ(announced[1], "warm-up, level 0.6, 8 tokens");
  EXPECT_EQ(announced[2], "warm-up, level 1.0, 8 tokens");
  EXPECT_EQ(announced[3], "warm-up, level 0.3, 32 tokens");
  EXPECT_GT(result->rounds, 2U);
  EXPECT_LT(result->rounds, 20U);
  EXPECT_LE(result->seconds, 0.55);
}

TEST_F(CalibrateTest, OneRoundIsCompletedHoweverShortTheTime) {
  CalibrationPlan plan = Plan();
  plan.seconds = 1e-6;
  const auto result = Calibrate(*session_, nullptr, plan, {}, ticking_);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->rounds, 1U);
  EXPECT_DOUBLE_EQ(result->table.margin, kUnknownMargin);  // one sample does not scatter
  EXPECT_TRUE(Validate(result->table).ok());
}

TEST_F(CalibrateTest, AnInterruptionKeepsWholeRounds) {
  int looks = 0;
  CalibrationHooks hooks;
  hooks.cancelled = [&] { return ++looks > 50; };
  const auto result = Calibrate(*session_, nullptr, Plan(), hooks, ticking_);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cancelled);
  EXPECT_TRUE(Validate(result->table).ok());
  hooks.cancelled = [] { return true; };
  EXPECT_EQ(Calibrate(*session_, nullptr, Plan(), hooks, ticking_).status().code(),
            StatusCode::kCancelled);
}

TEST_F(CalibrateTest, NeedsATokenizer) {
  BundleContents contents = testing::SmallContents();
  contents.tokenizer_model.clear();
  const auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok());
  const auto session = Session::Create(*model, {});
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(Calibrate(**session, nullptr, Plan()).status().code(), StatusCode::kNotFound);
}

TEST_F(CalibrateTest, ThePlanFitsContextAndTime) {
  ManualClock still;  // no time passes: everything is affordable
  auto plan = PlanCalibration(*session_, 60, still);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->prompt_tokens, ElementsAre(16, 32, 64));
  EXPECT_THAT(plan->context_tokens, ElementsAre(16, 64));
  // A tick for 64 tokens, 2 ticks in all levels: two points are the least.
  plan = PlanCalibration(*session_, 1e-6, ticking_);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->prompt_tokens, ElementsAre(16, 32));

  const auto small = Session::Create(*testing::LoadSmallModel(testing::SmallContents()),
                                     {.context = 4, .threads = 1});
  ASSERT_TRUE(small.ok());
  plan = PlanCalibration(**small, 60, still);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->prompt_tokens, ElementsAre(1, 2));
  plan->name = "x";
  plan->rounds = 2;
  const auto result = Calibrate(**small, nullptr, *plan, {}, ticking_);
  EXPECT_TRUE(result.ok()) << result.status().message();
}

TEST(CalibrationTextTest, HasAsManyTokensAsAsked) {
  const auto tokenizer = Tokenizer::Load(testing::TinyTokenizerModel());
  ASSERT_TRUE(tokenizer.ok());
  for (const uint32_t tokens : {1U, 7U, 300U}) {
    const CalibrationText text = MakeCalibrationText(**tokenizer, tokens);
    EXPECT_THAT(text.ids, SizeIs(tokens));
    EXPECT_THAT(text.ends, SizeIs(tokens));
    EXPECT_LE(text.TextOf(tokens).size(), text.text.size());
  }
  const std::string words = MakeCalibrationWords(500);
  EXPECT_EQ(std::count(words.begin(), words.end(), ' '), 499);
}

}  // namespace
}  // namespace elm
