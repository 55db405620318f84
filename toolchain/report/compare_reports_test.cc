#include "toolchain/report/compare_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

constexpr size_t kItems = 2000;

// Fifteen rounds on a machine whose speed wanders by a fifth, as its rates show, and where single
// requests are disturbed by up to some tens of per cent.
void AddRounds(EvalReport& report, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> speed(0.8, 1);
  std::exponential_distribution<double> delay(30);
  report.latency = LatencyOptions{.repeats = 15};
  report.machine = MachineRates{"float32 multiply-adds", {}, {}};
  std::vector<RequestTimes> times(report.levels.size());
  for (uint32_t round = 0; round < report.latency->repeats; ++round) {
    const double now = speed(random);
    report.machine->read_bytes_per_second.push_back(now * 2e10);
    report.machine->operations_per_second.push_back(now * 9e10);
    for (size_t i = 0; i < times.size(); ++i) {
      const double share = report.levels[i].reached_share;
      times[i].ttft_ms.push_back(10 * share / now * (1 + delay(random)));
      times[i].tpot_ms.push_back(share / now * (1 + delay(random)));
    }
  }
  for (size_t i = 0; i < times.size(); ++i) report.levels[i].latency = MakeLatency(times[i]);
}

// The level takes `factor` times as long per output token.
void SlowDown(LevelScores& level, double factor) {
  for (double& time : level.latency->rounds.tpot_ms) time *= factor;
  level.latency = MakeLatency(level.latency->rounds);
}

// As a program of schema version 1 left it.
EvalReport WithoutRounds(EvalReport report) {
  report.machine.reset();
  for (LevelScores& level : report.levels) level.latency->rounds = {};
  return report;
}

// Two levels, one family of 2,000 items, one text, latencies that depend on the seed.
EvalReport Report(uint64_t latency_seed = 1) {
  EvalReport report;
  report.conditions = {"runtime", "float32", "test", 1, kItems, 0, "none", 1};
  report.families = {{"app", "pocket", kItems, 0, 0.25, "xxh3:1"}};
  report.texts = {{"wiki.txt", 3, 129, "xxh3:3"}};
  std::mt19937 random(1);
  for (const uint32_t name : {500U, 1000U}) {
    LevelScores level;
    level.name_permille = name;
    level.reached_share = name / 1000.0;
    level.families = {{std::vector<bool>(kItems), 1.0}};
    for (size_t i = 0; i < kItems; ++i) level.families[0].correct[i] = random() % 10 < 7;
    level.texts = {{{2.0, 2.5, 3.0}}};
    report.levels.push_back(level);
  }
  AddRounds(report, latency_seed);
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
  // Accuracy and loss of two levels, two latencies of each over the machine, and of the lower one
  // over the full one.
  EXPECT_EQ(comparison.changes.size(), 10U);
}

TEST(CompareReports, HonestRunsPass) {
  int alarms = 0;
  for (uint64_t seed = 2; seed < 202; ++seed) {
    if (Compare(Report(1), Report(seed)).regressed()) ++alarms;
  }
  EXPECT_EQ(alarms, 0);
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
      EXPECT_GT(change.low, 0);
    }
  }
  EvalReport one = Report();
  one.families[0].items = 0;
  Fail(one.levels[0].families[0], 1);
  one.families[0].items = kItems;
  EXPECT_FALSE(Compare(Report(), one).regressed());
}

TEST(CompareReports, APlantedSlowdownOfOneLevelIsCaught) {
  int caught = 0;
  for (uint64_t seed = 2; seed < 102; ++seed) {
    EvalReport after = Report(seed);
    SlowDown(after.levels[0], 1.1);
    const auto found = Regressions(Compare(Report(1), after));
    if (std::find(found.begin(), found.end(), "500: TPOT over level 1.0") != found.end()) ++caught;
  }
  // What three standard errors leave of a slowdown of 10 % in such rounds: one draw in
  // a hundred is not told from noise.
  EXPECT_GE(caught, 99);
}

TEST(CompareReports, AFullLevelThatGotSlowerShowsBesideTheMachine) {
  EvalReport after = Report(2);
  SlowDown(after.levels[1], 1.2);
  EXPECT_THAT(Regressions(Compare(Report(1), after)),
              ::testing::ElementsAre("1000: TPOT over the machine"));
}

TEST(CompareReports, ASlowerMachineIsNoSlowdown) {
  EvalReport after = Report(3);
  for (LevelScores& level : after.levels) {
    for (double& time : level.latency->rounds.ttft_ms) time *= 3;
    SlowDown(level, 2);
  }
  for (double& rate : after.machine->operations_per_second) rate /= 3;
  for (double& rate : after.machine->read_bytes_per_second) rate /= 2;
  EXPECT_FALSE(Compare(Report(1), after).regressed());
}

TEST(CompareReports, WhatTheRoundsSpreadExplainsIsNoAlarm) {
  EvalReport after = Report(2);
  // Half of the rounds were disturbed, by any amount up to double.
  for (size_t round = 0; round < 15; round += 2) {
    after.levels[0].latency->rounds.tpot_ms[round] *= 1 + static_cast<double>(round) / 14;
  }
  SlowDown(after.levels[0], 1);
  const Comparison comparison = Compare(Report(1), after);
  EXPECT_FALSE(comparison.regressed());
  EXPECT_THAT(ComparisonMarkdown(comparison),
              HasSubstr("spread too much to show a slowdown of their limit (TPOT over"));
}

TEST(CompareReports, TooFewRoundsRaiseNoAlarmAndThatIsSaid) {
  EvalReport before = Report();
  EvalReport after = Report(2);
  for (EvalReport* report : {&before, &after}) {
    report->latency->repeats = 3;
    for (std::vector<double>* rates :
         {&report->machine->read_bytes_per_second, &report->machine->operations_per_second}) {
      rates->resize(3);
    }
    for (LevelScores& level : report->levels) {
      level.latency->rounds.ttft_ms.resize(3);
      level.latency->rounds.tpot_ms.resize(3);
      SlowDown(level, 1);
    }
  }
  SlowDown(after.levels[0], 2);
  const Comparison comparison = Compare(before, after);
  EXPECT_FALSE(comparison.regressed());
  EXPECT_THAT(ComparisonMarkdown(comparison), HasSubstr("too few repeats to tell"));
}

TEST(CompareReports, OldFilesAreComparedByTheirMedians) {
  const EvalReport before = WithoutRounds(Report());
  EvalReport after = before;
  EXPECT_FALSE(Compare(before, after).regressed());
  after.levels[0].latency->tpot_ms *= 1.1;
  const Comparison comparison = Compare(before, after);
  EXPECT_THAT(Regressions(comparison), ::testing::ElementsAre("500: TPOT over level 1.0"));
  EXPECT_THAT(ComparisonMarkdown(comparison), HasSubstr("schema version 1"));
  // An old file beside a new one, too.
  EXPECT_EQ(Compare(before, Report()).changes.size(), 6U);
}

TEST(CompareReports, OtherOperationsAreNotHeldAgainstEachOther) {
  EvalReport after = Report();
  after.machine->operation = "int8 dot products";
  const Comparison comparison = Compare(Report(), after);
  EXPECT_EQ(comparison.changes.size(), 6U);
  EXPECT_THAT(ComparisonMarkdown(comparison),
              HasSubstr("one measured float32 multiply-adds, the other int8 dot products"));
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
  after.machine.reset();
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
  EXPECT_THAT(table, HasSubstr("| -2.0 (-2.6 to -1.4) | 0.5 | **worse** |"));
  EXPECT_THAT(table, HasSubstr("10 compared, 1 regression\n"));
}

}  // namespace
}  // namespace elm
