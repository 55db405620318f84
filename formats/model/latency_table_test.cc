#include "formats/model/latency_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LatencyTable Table() {
  LatencyTable table;
  table.name = "a phone";
  table.bundle_hash = 7;
  table.level_permille = {300, 500, 1000};
  table.ttft_tokens = {10, 20, 40};
  table.ttft_ms = {{1, 2, 3}, {2, 4, 8}, {4, 8, 16}};
  table.tpot_context = {0, 100};
  table.tpot_ms = {{1, 1.5}, {2, 2.5}, {3, 4}};
  table.tlm_tokens = {16, 32};
  table.tlm_ms = {0.5, 1};
  table.selection_ms_per_kilotoken = 2;
  table.switch_ms = 0.01;
  table.margin = 0.1;
  return table;
}

TEST(LatencyTableTest, PointsAndStraightLinesBetweenThem) {
  const LatencyTable table = Table();
  EXPECT_DOUBLE_EQ(table.Ttft(1, 10), 2);
  EXPECT_DOUBLE_EQ(table.Ttft(1, 20), 4);
  EXPECT_DOUBLE_EQ(table.Ttft(1, 40), 8);
  EXPECT_DOUBLE_EQ(table.Ttft(1, 15), 3);
  EXPECT_DOUBLE_EQ(table.Ttft(2, 25), 10);
  EXPECT_DOUBLE_EQ(table.Tpot(0, 50), 1.25);
  EXPECT_DOUBLE_EQ(table.Tpot(2, 12.5), 3.125);
  EXPECT_DOUBLE_EQ(table.Tlm(24), 0.75);
}

TEST(LatencyTableTest, BelowTheFirstPointItsTime) {
  const LatencyTable table = Table();
  EXPECT_DOUBLE_EQ(table.Ttft(1, 3), 2);
  EXPECT_DOUBLE_EQ(table.Ttft(1, 0), 2);
  EXPECT_DOUBLE_EQ(table.Tlm(1), 0.5);
}

TEST(LatencyTableTest, BehindTheLastPointTheSteeperLine) {
  LatencyTable table = Table();
  // Last segment 0.4 a token, whole line 0.4: 12 / 30.
  EXPECT_DOUBLE_EQ(table.Ttft(2, 50), 20);
  // Concave: the segment (0.05) is flatter than the whole line (2 / 30).
  EXPECT_DOUBLE_EQ(table.Ttft(0, 70), 3 + 30 * 2.0 / 30);
  // Convex: the segment is the steeper one.
  table.ttft_ms[2] = {4, 5, 25};
  EXPECT_DOUBLE_EQ(table.Ttft(2, 41), 26);
  // Flat at the end as noise makes it: still growing.
  table.tpot_context = {0, 50, 100};
  table.tpot_ms[2] = {3, 4, 4};
  EXPECT_GT(table.Tpot(2, 1000), 4);
}

TEST(LatencyTableTest, NeverFallsWithTokensOrLevel) {
  const LatencyTable table = Table();
  for (size_t level = 0; level < 3; ++level) {
    for (double tokens = 0; tokens < 100; tokens += 0.5) {
      EXPECT_LE(table.Ttft(level, tokens), table.Ttft(level, tokens + 0.5));
      EXPECT_LE(table.Tpot(level, tokens), table.Tpot(level, tokens + 0.5));
      const size_t below = level > 0 ? level - 1 : level;
      EXPECT_LE(table.Ttft(below, tokens), table.Ttft(level, tokens));
    }
  }
}

TEST(LatencyTableTest, WithoutATinyLmItTakesNoTime) {
  LatencyTable table = Table();
  table.tlm_tokens.clear();
  table.tlm_ms.clear();
  EXPECT_TRUE(Validate(table).ok());
  EXPECT_EQ(table.Tlm(500), 0);
}

TEST(LatencyTableTest, NearestLevelPrefersTheLarger) {
  const LatencyTable table = Table();
  EXPECT_EQ(table.NearestLevel(300), 0U);
  EXPECT_EQ(table.NearestLevel(500), 1U);
  EXPECT_EQ(table.NearestLevel(1000), 2U);
  EXPECT_EQ(table.NearestLevel(100), 0U);
  EXPECT_EQ(table.NearestLevel(399), 0U);
  EXPECT_EQ(table.NearestLevel(400), 1U);
  EXPECT_EQ(table.NearestLevel(749), 1U);
  EXPECT_EQ(table.NearestLevel(750), 2U);
  EXPECT_EQ(table.NearestLevel(2000), 2U);
}

TEST(LatencyTableTest, IsotonicFit) {
  std::vector<double> values = {1, 3, 2, 2, 5, 4, 9};
  MakeNonDecreasing(values);
  EXPECT_THAT(values, ElementsAre(1, 7.0 / 3, 7.0 / 3, 7.0 / 3, 4.5, 4.5, 9));
  std::vector<double> falling = {4, 3, 2, 1};
  MakeNonDecreasing(falling);
  EXPECT_THAT(falling, ElementsAre(2.5, 2.5, 2.5, 2.5));
  std::vector<double> none;
  MakeNonDecreasing(none);
}

TEST(LatencyTableTest, NoisyTimesBecomeValid) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> noise(0.5, 1.5);
  for (int round = 0; round < 100; ++round) {
    LatencyTable table = Table();
    for (auto* rows : {&table.ttft_ms, &table.tpot_ms}) {
      for (auto& row : *rows) {
        for (double& time : row) time *= noise(engine);
      }
    }
    for (double& time : table.tlm_ms) time *= noise(engine);
    MakeMonotone(table);
    const Status status = Validate(table);
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST(LatencyTableTest, RefusesWhatBreaksARule) {
  const auto message = [](auto&& change) {
    LatencyTable table = Table();
    change(table);
    return Validate(table).message();
  };
  EXPECT_TRUE(Validate(Table()).ok());
  EXPECT_THAT(message([](auto& t) { t.name = ""; }), HasSubstr("name"));
  EXPECT_THAT(message([](auto& t) { t.name = "a\nb"; }), HasSubstr("name"));
  EXPECT_THAT(message([](auto& t) { t.name = std::string(257, 'a'); }), HasSubstr("name"));
  EXPECT_THAT(message([](auto& t) { t.name = "\xff"; }), HasSubstr("name"));
  EXPECT_THAT(message([](auto& t) { t.name = "reference:x"; }), HasSubstr("bundle_hash"));
  EXPECT_THAT(message([](auto& t) {
                t.level_permille = {500, 300, 1000};
              }),
              HasSubstr("level_permille"));
  EXPECT_THAT(message([](auto& t) {
                t.level_permille = {300, 500, 900};
              }),
              HasSubstr("level_permille"));
  EXPECT_THAT(message([](auto& t) {
                t.ttft_tokens = {10, 20};
              }),
              HasSubstr("ttft_ms of level 0.3 has 3 times, expected 2"));
  EXPECT_THAT(message([](auto& t) { t.ttft_tokens = {10}; }), HasSubstr("1 points"));
  EXPECT_THAT(message([](auto& t) { t.ttft_tokens = {10, 10, 20}; }), HasSubstr("10 and then 10"));
  EXPECT_THAT(message([](auto& t) { t.ttft_ms.pop_back(); }), HasSubstr("2 levels, expected 3"));
  EXPECT_THAT(message([](auto& t) { t.ttft_ms[1][1] = 0; }), HasSubstr("ttft_ms of level 0.5[1]"));
  EXPECT_THAT(message([](auto& t) { t.ttft_ms[1][2] = 3; }), HasSubstr("never fall with tokens"));
  EXPECT_THAT(message([](auto& t) {
                t.ttft_ms[2] = {1, 8, 16};
              }),
              HasSubstr("never fall with the level"));
  EXPECT_THAT(message([](auto& t) { t.tpot_ms[0][0] = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("tpot_ms of level 0.3[0]"));
  EXPECT_THAT(message([](auto& t) { t.tpot_ms[2][1] = 1e10; }), HasSubstr("tpot_ms"));
  EXPECT_THAT(message([](auto& t) { t.tlm_ms.pop_back(); }), HasSubstr("tlm_ms"));
  EXPECT_THAT(message([](auto& t) { t.tlm_tokens.clear(); }), HasSubstr("tlm_tokens"));
  EXPECT_THAT(message([](auto& t) { t.selection_ms_per_kilotoken = -1; }),
              HasSubstr("selection_ms_per_kilotoken"));
  EXPECT_THAT(message([](auto& t) { t.switch_ms = std::numeric_limits<double>::infinity(); }),
              HasSubstr("switch_ms"));
  EXPECT_THAT(message([](auto& t) { t.margin = 0.6; }), HasSubstr("margin"));
}

}  // namespace
}  // namespace elm
