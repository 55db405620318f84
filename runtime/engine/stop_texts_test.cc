#include "runtime/engine/stop_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "formats/base/utf8.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

struct Outcome {
  std::string text;
  bool stopped;
  bool operator==(const Outcome&) const = default;
};

Outcome Filter(const std::vector<std::string>& pieces, const std::vector<std::string>& stops) {
  StopTexts filter(stops);
  Outcome outcome{};
  for (const std::string& piece : pieces) {
    if (filter.stopped()) break;
    outcome.text += filter.Push(piece);
  }
  outcome.text += filter.Finish();
  outcome.stopped = filter.stopped();
  return outcome;
}

TEST(StopTexts, NoneLetEverythingThrough) {
  EXPECT_EQ(Filter({"a", "", "b\n"}, {}), (Outcome{"ab\n", false}));
}

TEST(StopTexts, TheTextEndsBeforeTheStop) {
  EXPECT_EQ(Filter({"a\nb"}, {"\n"}), (Outcome{"a", true}));
  EXPECT_EQ(Filter({"\n"}, {"\n"}), (Outcome{"", true}));
  EXPECT_EQ(Filter({"no end"}, {"\n"}), (Outcome{"no end", false}));
}

TEST(StopTexts, OnlyWhatMayBeAStopIsHeldBack) {
  StopTexts filter({"END", "."});
  std::vector<std::string> out;
  for (const char* piece : {"a", "bE", "N", "Ex", "EE", "ND"}) out.emplace_back(filter.Push(piece));
  EXPECT_THAT(out, ElementsAre("a", "b", "", "ENEx", "E", ""));
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.Finish(), "");
}

TEST(StopTexts, WhatTurnsOutToBeNoStopComesAtTheEnd) {
  EXPECT_EQ(Filter({"a", "EN"}, {"END"}), (Outcome{"aEN", false}));
}

TEST(StopTexts, TheFirstCompleteOneCountsAndOfThoseTheLongest) {
  EXPECT_EQ(Filter({"xabcd"}, {"abcd", "bc"}), (Outcome{"xa", true}));
  EXPECT_EQ(Filter({"xabcd"}, {"bc", "abc"}), (Outcome{"x", true}));
}

// Every way to cut a text gives the same end and whole characters.
TEST(StopTexts, PiecesDoNotMatter) {
  const std::string characters[] = {"a", "a", "b", "\xc3\xa4", "a",           "b",
                                    "a", "b", "c", "\n",       "\xe6\x97\xa5"};
  const std::vector<std::vector<std::string>> stop_lists = {{"abc"},
                                                            {"aab\xc3\xa4"
                                                             "b"},
                                                            {"\xc3\xa4"
                                                             "ab",
                                                             "ba"},
                                                            {"\n", "c\n"},
                                                            {"\xe6\x97\xa5"},
                                                            {"d"}};
  constexpr size_t kCuts = std::size(characters) - 1;
  for (const auto& stops : stop_lists) {
    std::string whole;
    for (const std::string& character : characters) whole += character;
    const Outcome expected = Filter({whole}, stops);
    for (unsigned cuts = 0; cuts < 1U << kCuts; ++cuts) {
      std::vector<std::string> pieces = {characters[0]};
      for (size_t i = 0; i < kCuts; ++i) {
        if ((cuts >> i & 1U) != 0) pieces.emplace_back();
        pieces.back() += characters[i + 1];
      }
      EXPECT_EQ(Filter(pieces, stops), expected);
      StopTexts filter(stops);
      for (const std::string& piece : pieces) {
        if (filter.stopped()) break;
        EXPECT_FALSE(FindInvalidUtf8(filter.Push(piece)).has_value());
      }
    }
  }
}

}  // namespace
}  // namespace elm
