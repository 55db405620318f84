#include "formats/model/level_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 4 query heads of 2 elements over 2 KV heads, 6 neurons, width 5.
ModelConfig Config() {
  return {.layers = 2,
          .width = 5,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 2,
          .neurons = 6,
          .vocab = 7,
          .context = 16};
}

// Layer 0 is an anchor; layer 1's heads alternate between its KV heads.
LevelTable Table() {
  LevelTable table = FullLevelOnly(Config());
  table.kv_of[1] = {0, 1, 0, 1};
  table.anchors = {0};
  table.levels.insert(table.levels.begin(),
                      {Level{500, {{4, 2, 6}, {0, 0, 2}}}, Level{700, {{4, 2, 6}, {1, 1, 4}}}});
  return table;
}

TEST(LevelNameTest, WritesAndReadsBack) {
  for (uint32_t permille = 1; permille <= 1000; ++permille) {
    EXPECT_EQ(ParseLevelName(LevelName(permille)), permille) << LevelName(permille);
  }
  EXPECT_EQ(LevelName(200), "0.2");
  EXPECT_EQ(LevelName(250), "0.25");
  EXPECT_EQ(LevelName(5), "0.005");
  EXPECT_EQ(LevelName(1000), "1.0");
}

TEST(LevelNameTest, AcceptsOtherSpellings) {
  EXPECT_EQ(ParseLevelName(".2"), 200U);
  EXPECT_EQ(ParseLevelName("0.200"), 200U);
  EXPECT_EQ(ParseLevelName("20%"), 200U);
  EXPECT_EQ(ParseLevelName("12.5%"), 125U);
  EXPECT_EQ(ParseLevelName("1"), 1000U);
  EXPECT_EQ(ParseLevelName("100%"), 1000U);
}

TEST(LevelNameTest, RefusesAnythingElse) {
  for (const char* text : {"", "%", "0", "0.0", "-0.2", "1.1", "101%", "0.2x", " 0.2", "0.0001",
                           "0.2345", "nan", "inf", "2e-1", "0,2", "0.2%%", "20 %"}) {
    EXPECT_EQ(ParseLevelName(text), std::nullopt) << text;
  }
}

TEST(LevelTableTest, FindsALevelOrListsThem) {
  EXPECT_EQ(*FindLevel(Table(), "0.5"), 0U);
  EXPECT_EQ(*FindLevel(Table(), "70%"), 1U);
  EXPECT_EQ(*FindLevel(Table(), "1"), 2U);
  for (const char* text : {"0.6", "all", ""}) {
    const Status status = FindLevel(Table(), text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("choose one of 0.5, 0.7, 1.0"));
  }
}

TEST(LevelTableTest, FullLevelOnlyIsValid) {
  const LevelTable table = FullLevelOnly(Config());
  EXPECT_TRUE(Validate(table, Config()).ok());
  EXPECT_THAT(table.kv_of[0], ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(TrueShare(Config(), table.full()), 1.0);
}

TEST(LevelTableTest, KvHeadsFollowTheKeptQueryHeads) {
  EXPECT_EQ(KvHeadsNeeded({0, 0, 1, 1}, 0), 0U);
  EXPECT_EQ(KvHeadsNeeded({0, 0, 1, 1}, 2), 1U);
  EXPECT_EQ(KvHeadsNeeded({0, 1, 0, 1}, 2), 2U);
}

TEST(LevelTableTest, SharesCountTheLayersMatrices) {
  // One head of q and o and one of k and v: 2 * 2 * 5 weights each pair; a neuron: 3 * 5.
  EXPECT_EQ(SliceWeights(Config(), {1, 1, 4}), 20U + 20 + 60);
  EXPECT_EQ(SliceWeights(Config(), {4, 2, 6}), 80U + 40 + 90);
  EXPECT_EQ(SliceWeights(Config(), {}), 0U);
  EXPECT_DOUBLE_EQ(TrueShare(Config(), Table().levels[1]), (210.0 + 100) / 420);
}

TEST(LevelTableTest, ValidateNamesTheBrokenRule) {
  struct Case {
    const char* rule;
    void (*damage)(LevelTable&);
    const char* message;
  };
  const Case cases[] = {
      {"no levels", [](LevelTable& t) { t.levels.clear(); }, "has 0 levels, expected 1 to 64"},
      {"many levels", [](LevelTable& t) { t.levels.resize(65); }, "has 65 levels"},
      {"kv_of layers", [](LevelTable& t) { t.kv_of.pop_back(); }, "kv_of covers 1 layers"},
      {"kv_of length", [](LevelTable& t) { t.kv_of[1].pop_back(); },
       "layer 1: kv_of has 3 entries, expected 4"},
      {"kv_of order",
       [](LevelTable& t) {
         t.kv_of[0] = {1, 1, 0, 0};
       },
       "layer 0: kv_of[0] is 1, expected at most 0"},
      {"kv_of range",
       [](LevelTable& t) {
         t.kv_of[0] = {0, 1, 2, 1};
       },
       "layer 0: kv_of[2] is 2, expected at most 1"},
      {"kv_of balance",
       [](LevelTable& t) {
         t.kv_of[0] = {0, 0, 0, 1};
       },
       "layer 0: KV head 0 serves 3 query heads, expected 2"},
      {"name zero", [](LevelTable& t) { t.levels[0].name_permille = 0; }, "names must ascend"},
      {"name order", [](LevelTable& t) { t.levels[1].name_permille = 500; },
       "level 0.5: names must ascend"},
      {"name above one", [](LevelTable& t) { t.levels[2].name_permille = 1001; },
       "names must ascend"},
      {"level layers", [](LevelTable& t) { t.levels[1].layers.pop_back(); },
       "level 0.7: has 1 layers, expected 2"},
      {"too many heads", [](LevelTable& t) { t.levels[1].layers[1].query_heads = 5; },
       "level 0.7: layer 1: keeps 5 query heads of 4"},
      {"too many neurons", [](LevelTable& t) { t.levels[1].layers[1].neurons = 7; },
       "level 0.7: layer 1: keeps 7 neurons of 6"},
      {"KV heads", [](LevelTable& t) { t.levels[1].layers[1].kv_heads = 2; },
       "level 0.7: layer 1: keeps 2 KV heads, expected 1 for 1 query heads"},
      {"heads nest",
       [](LevelTable& t) {
         t.levels[0].layers[1] = {2, 2, 2};
       },
       "level 0.7: layer 1: keeps less than the level below it"},
      {"neurons nest", [](LevelTable& t) { t.levels[0].layers[1].neurons = 5; },
       "level 0.7: layer 1: keeps less than the level below it"},
      {"last name", [](LevelTable& t) { t.levels.pop_back(); }, "the last level is 0.7"},
      {"last whole", [](LevelTable& t) { t.levels[2].layers[1].neurons = 5; },
       "level 1.0: layer 1 is not whole"},
      {"anchor range", [](LevelTable& t) { t.anchors = {2}; }, "anchor 2: expected ascending"},
      {"anchor order",
       [](LevelTable& t) {
         t.anchors = {0, 0};
       },
       "anchor 0: expected ascending"},
      {"anchor whole", [](LevelTable& t) { t.anchors = {1}; },
       "anchor layer 1 is cut at level 0.5"},
  };
  ASSERT_TRUE(Validate(Table(), Config()).ok()) << Validate(Table(), Config()).ToString();
  for (const Case& c : cases) {
    LevelTable table = Table();
    c.damage(table);
    const Status status = Validate(table, Config());
    EXPECT_EQ(status.code(), StatusCode::kCorruption) << c.rule;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.rule;
  }
}

}  // namespace
}  // namespace elm
