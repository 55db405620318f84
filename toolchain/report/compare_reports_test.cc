#include "toolchain/report/compare_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

constexpr size_t kItems = 2000;

// Two levels, one family of 2,000 items, one text, latencies.
EvalReport Report() {
  EvalReport report;
  report.conditions = {"runtime", "float32", "test", 1, kItems, 0, "none", 1};
  report.families = {{"app", "pocket", kItems, 0, 0.25, "xxh3:1"}};
  report.texts = {{"wiki.txt", 3, 129, "xxh3:3"}};
  report.latency = LatencyOptions{};
  std::mt19937 random(1);
  for (const uint32_t name : {500U, 1000U}) {
    LevelScores level;
    level.name_permille = name;
    level.reached_share = name / 1000.0;
    level.families = {{std::vector<bool>(kItems), 1.0}};
    for (size_t i = 0; i < kItems; ++i) level.families[0].correct[i] = random() % 10 < 7;
    level.texts = {{{2.0, 2.5, 3.0}}};
    level.latency = {name == 500 ? 5.0 : 10.0, name == 500 ? 0.5 : 1.0};
    report.levels.push_back(level);
  }
  return report;
}

Comparison Compare(const EvalReport& before, const EvalReport& after) {
  return CompareReports(before, "a.json", after, "b.json", {});
}

std::string Refusal(const std::function<void(EvalReport&)>& change) {
  EvalReport other = Report();
  change(other);
  try {
    Compare(Report(), other);
  } catch (const Error& error) {
    EXPECT_EQ(error.status().code(), StatusCode::kInvalidArgument);
    return error.status().message();
  }
  return "";
}

// What regressed, "level: measure".
std::vector<std::string> Regressions(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const Change& change : comparison.changes) {
    if (change.regression)
      names.push_back(std::to_string(change.level_permille) + ": " + change.what);
  }
  return names;
}

void Fail(FamilyScore& family, size_t items) {
  for (size_t i = 0; i < kItems && items > 0; ++i) {
    if (!family.correct[i]) continue;
    family.correct[i] = false;
    --items;
  }
}

TEST(CompareReports, TheSameReportPasses) {
  const Comparison comparison = Compare(Report(), Report());
  EXPECT_FALSE(comparison.regressed());
  // Accuracy and loss of two levels, two latencies of the lower one.
  EXPECT_EQ(comparison.changes.size(), 6U);
}

TEST(CompareReports, APlantedDropOfOnePointIsCaught) {
  EvalReport after = Report();
  Fail(after.levels[0].families[0], kItems / 100);
  EXPECT_THAT(Regressions(Compare(Report(), after)),
              ::testing::ElementsAre("500: accuracy of app"));
  // The other way round it is a gain.
  EXPECT_FALSE(Compare(after, Report()).regressed());
}

TEST(CompareReports, ChangesWithinChanceAreNoAlarm) {
  EvalReport after = Report();
  std::mt19937 random(2);
  // As many answers turn right as turn wrong, and a few more wrong ones.
  auto& correct = after.levels[1].families[0].correct;
  for (int i = 0; i < 200; ++i) {
    const size_t item = random() % kItems;
    correct[item] = !correct[item];
  }
  Fail(after.levels[1].families[0], 4);
  const Comparison comparison = Compare(Report(), after);
  for (const Change& change : comparison.changes) {
    if (change.regression) {
      EXPECT_GT(change.worse, 1.96 * change.standard_error);
    }
  }
  EvalReport one = Report();
  one.families[0].items = 0;
  Fail(one.levels[0].families[0], 1);
  one.families[0].items = kItems;
  EXPECT_FALSE(Compare(Report(), one).regressed());
}

TEST(CompareReports, APlantedSlowdownOfOneLevelIsCaught) {
  EvalReport after = Report();
  after.levels[0].latency->tpot_ms *= 1.1;
  EXPECT_THAT(Regressions(Compare(Report(), after)),
              ::testing::ElementsAre("500: TPOT over level 1.0"));
}

TEST(CompareReports, ASlowerMachineIsNoSlowdown) {
  EvalReport after = Report();
  for (LevelScores& level : after.levels) {
    level.latency->ttft_ms *= 3;
    level.latency->tpot_ms *= 2;
  }
  EXPECT_FALSE(Compare(Report(), after).regressed());
}

TEST(CompareReports, ALossThatRisesIsCaught) {
  EvalReport after = Report();
  for (double& loss : after.levels[1].texts[0].losses) loss += 0.05;
  EXPECT_THAT(Regressions(Compare(Report(), after)),
              ::testing::ElementsAre("1000: loss on wiki.txt"));
}

TEST(CompareReports, OtherQuestionsAreRefused) {
  EXPECT_THAT(Refusal([](EvalReport& report) { report.conditions.seed = 2; }),
              HasSubstr("b.json: the seed is 2, but in a.json it is 1"));
  EXPECT_THAT(Refusal([](EvalReport& report) { report.families[0].hash = "xxh3:9"; }),
              HasSubstr("hash of the tasks of family app"));
  EXPECT_THAT(Refusal([](EvalReport& report) { report.texts.clear(); }),
              HasSubstr("number of texts is 0"));
  EXPECT_THAT(Refusal([](EvalReport& report) { report.levels.erase(report.levels.begin()); }),
              HasSubstr("lacks level 0.5"));
  EXPECT_THAT(Refusal([](EvalReport& report) { report.latency->prompt_tokens = 9; }),
              HasSubstr("prompt of the latency is 9"));
}

TEST(CompareReports, WhatIsNotInBothIsSaid) {
  EvalReport after = Report();
  after.latency.reset();
  for (LevelScores& level : after.levels) level.latency.reset();
  const Comparison comparison = Compare(Report(), after);
  ASSERT_EQ(comparison.notes.size(), 1U);
  EXPECT_THAT(ComparisonMarkdown(comparison), HasSubstr("latency is not compared"));
}

TEST(CompareReports, TheTableMarksWhatIsWorse) {
  EvalReport after = Report();
  Fail(after.levels[0].families[0], kItems / 50);
  const std::string table = ComparisonMarkdown(Compare(Report(), after));
  EXPECT_THAT(table, HasSubstr("| 0.5 | accuracy of app | "));
  EXPECT_THAT(table, HasSubstr("| -2.0 ±0.3 | 0.5 | **worse** |"));
  EXPECT_THAT(table, HasSubstr("6 compared, 1 regression\n"));
}

}  // namespace
}  // namespace elm
