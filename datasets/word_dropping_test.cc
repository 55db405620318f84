#include "datasets/word_dropping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "datasets/task.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using Parts = std::vector<std::string>;

const Parts kParts = {"one two  three", "four\tfive six seven", "", "eight nine ten"};

size_t CountWords(const Parts& parts) {
  size_t count = 0;
  for (const std::string& part : parts) count += SplitWords(part).size();
  return count;
}

// Every word of `shorter` stands in the same part of `longer`, in the same order.
bool IsSubsequence(const Parts& shorter, const Parts& longer) {
  if (shorter.size() != longer.size()) return false;
  for (size_t part = 0; part < shorter.size(); ++part) {
    const auto all = SplitWords(longer[part]);
    auto place = all.begin();
    for (const std::string_view word : SplitWords(shorter[part])) {
      place = std::find(place, all.end(), word);
      if (place++ == all.end()) return false;
    }
  }
  return true;
}

TEST(WordDropping, KeepsExactlyTheRoundedShare) {
  for (int tenths = 0; tenths <= 10; ++tenths) {
    const Parts kept = DropWordsAtRandom(kParts, tenths / 10.0, 7);
    EXPECT_EQ(CountWords(kept), static_cast<size_t>(tenths)) << tenths;
    EXPECT_TRUE(IsSubsequence(kept, kParts));
  }
  EXPECT_EQ(CountWords(DropWordsAtRandom({"a b c"}, 0.5, 1)), 2U) << "1.5 rounds up";
}

TEST(WordDropping, KeptWordsAreSeparatedBySingleBlanks) {
  EXPECT_THAT(DropWordsAtRandom(kParts, 1.0, 1),
              ElementsAre("one two three", "four five six seven", "", "eight nine ten"));
  EXPECT_THAT(DropWordsAtRandom(kParts, 0.0, 1), ElementsAre("", "", "", ""));
}

TEST(WordDropping, DependsOnNothingButItsArguments) {
  EXPECT_EQ(DropWordsAtRandom(kParts, 0.5, 3), DropWordsAtRandom(kParts, 0.5, 3));
  EXPECT_EQ(DropEachWord(kParts, 0.5, 3), DropEachWord(kParts, 0.5, 3));
  bool differs = false;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    differs |= DropWordsAtRandom(kParts, 0.5, seed) != DropWordsAtRandom(kParts, 0.5, seed + 8);
  }
  EXPECT_TRUE(differs);
}

TEST(WordDropping, EachWordFallsOnItsOwn) {
  Parts many(1);
  for (int i = 0; i < 10000; ++i) many[0] += "word ";
  EXPECT_NEAR(static_cast<double>(CountWords(DropEachWord(many, 0.7, 5))), 7000, 200);
  EXPECT_EQ(CountWords(DropEachWord(many, 1.0, 5)), 10000U);
  EXPECT_EQ(CountWords(DropEachWord(many, 0.0, 5)), 0U);
  EXPECT_TRUE(IsSubsequence(DropEachWord(kParts, 0.5, 5), kParts));
}

TEST(WordDropping, NeededWordsStay) {
  const std::vector<std::vector<uint32_t>> needed = {{1}, {0, 3}, {}, {2}};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Parts kept = DropUnneededWords(kParts, needed, 0.5, seed);
    EXPECT_EQ(CountWords(kept), 5U);
    EXPECT_TRUE(IsSubsequence({"two", "four seven", "", "ten"}, kept));
  }
  EXPECT_THAT(DropUnneededWords(kParts, needed, 0.1, 1),
              ElementsAre("two", "four seven", "", "ten"))
      << "more are needed than the share allows";
}

}  // namespace
}  // namespace elm
