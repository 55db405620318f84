#include "runtime/tlm/context_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

// The units of a context of one part, their words with '_' between them.
std::vector<std::string> Units(const std::string& text, std::vector<std::string> forced = {}) {
  const std::vector<PromptPart> parts = {{PartRole::kContext, text}};
  const ContextWords words = FindContextWords(parts, forced);
  std::vector<std::string> units(words.units);
  for (const ContextWord& word : words.words) {
    std::string& unit = units[word.unit];
    if (!unit.empty()) unit += '_';
    unit += words.context.substr(word.span.begin, word.span.end - word.span.begin);
    if (word.forced) unit += '!';
  }
  return units;
}

TEST(ContextWordsTest, WordsAreWhatStandsBetweenBlanks) {
  EXPECT_THAT(Units("a bc\t d\r\n\n e\v\ff "), ElementsAre("a", "bc", "d", "e", "f"));
  EXPECT_THAT(Units(""), ElementsAre());
  EXPECT_THAT(Units(" \n\t "), ElementsAre());
  EXPECT_THAT(Units("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \U0001f600!"),
              ElementsAre("\u05e9\u05dc\u05d5\u05dd", "\u05e2\u05d5\u05dc\u05dd", "\U0001f600!"));
}

TEST(ContextWordsTest, PartsKeepTheirWords) {
  const std::vector<PromptPart> parts = {{PartRole::kInstructions, "not here"},
                                         {PartRole::kContext, "a \"b"},
                                         {PartRole::kQuestion, "nor here"},
                                         {PartRole::kContext, "c\" d"}};
  const ContextWords words = FindContextWords(parts);
  EXPECT_EQ(words.context, "a \"b\nc\" d");
  ASSERT_EQ(words.words.size(), 4U);
  EXPECT_EQ(words.units, 4U);  // a quotation does not reach into another part
  EXPECT_EQ(words.words[1].part, 1U);
  EXPECT_EQ(words.words[2].part, 3U);
  EXPECT_EQ(words.words[2].span, (TextSpan{5, 7}));
}

TEST(ContextWordsTest, NumbersAreWhole) {
  EXPECT_THAT(Units("about 1 000 000 people, 12 345,67 more"),
              ElementsAre("about", "1_000_000", "people,", "12_345,67", "more"));
  EXPECT_THAT(Units("5 % of $ 12 and 7 \u20ac."),
              ElementsAre("5_%", "of", "$_12", "and", "7_\u20ac."));
  EXPECT_THAT(Units("-1 000"), ElementsAre("-1_000"));
  // Years, times and lists are numbers of their own.
  EXPECT_THAT(Units("in 1999 2000 and 10 20 30"),
              ElementsAre("in", "1999", "2000", "and", "10", "20", "30"));
  EXPECT_THAT(Units("1  000"), ElementsAre("1", "000"));
  EXPECT_THAT(Units("1\n000"), ElementsAre("1", "000"));
  EXPECT_THAT(Units("1 000kg"), ElementsAre("1", "000kg"));
  EXPECT_THAT(Units("3.14159 -2e10 12:30"), ElementsAre("3.14159", "-2e10", "12:30"));
}

TEST(ContextWordsTest, UrlsAreWhole) {
  EXPECT_THAT(Units("see https://a.example/b?c=d&e=%20f#g now"),
              ElementsAre("see", "https://a.example/b?c=d&e=%20f#g", "now"));
}

TEST(ContextWordsTest, CodeIsWhole) {
  EXPECT_THAT(Units("call `f(a, b)` or ``x ` y`` now"),
              ElementsAre("call", "`f(a,_b)`", "or", "``x_`_y``", "now"));
  EXPECT_THAT(Units("a ` b c"), ElementsAre("a", "`", "b", "c"));
  EXPECT_THAT(Units("so:\n```cpp\nint a = 1;\n  f(a);\n```\nend of it"),
              ElementsAre("so:", "```cpp", "int_a_=_1;", "f(a);", "```", "end", "of", "it"));
  // Backticks that close on their own line begin no block, and a block ends as it began.
  EXPECT_THAT(Units("```ls -l``` lists\nplain words"), ::testing::Contains("plain"));
  EXPECT_THAT(Units("```\n~~~\nint a;\n```\nplain words"), ::testing::Contains("int_a;"));
  EXPECT_THAT(Units("```\n~~~\nint a;\n```\nplain words"), ::testing::Contains("plain"));
  EXPECT_THAT(Units("`a\nb`"), ElementsAre("`a", "b`"));
}

TEST(ContextWordsTest, QuotationsAreWhole) {
  EXPECT_THAT(Units("he said \"come here now\", then left"),
              ElementsAre("he", "said", "\"come_here_now\",", "then", "left"));
  EXPECT_THAT(
      Units("\u201ca b\u201d \u201ec d\u201c \u00abe f\u00bb \u300cg h\u300d"),
      ElementsAre("\u201ca_b\u201d", "\u201ec_d\u201c", "\u00abe_f\u00bb", "\u300cg_h\u300d"));
  EXPECT_THAT(Units("name=\"a b\" id"), ElementsAre("name=\"a_b\"", "id"));
  // Inches, apostrophes and what is never closed.
  EXPECT_THAT(Units("5\" and 6\" wide"), ElementsAre("5\"", "and", "6\"", "wide"));
  EXPECT_THAT(Units("it's a dog's day"), ElementsAre("it's", "a", "dog's", "day"));
  EXPECT_THAT(Units("\"a b"), ElementsAre("\"a", "b"));
  EXPECT_THAT(Units("\"a\nb\""), ElementsAre("\"a", "b\""));
}

TEST(ContextWordsTest, WhatIsTooLongIsProse) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word ";
  EXPECT_EQ(Units("\"" + words + "end\"").size(), 201U);
}

TEST(ContextWordsTest, ForcedTextsAreOneUnit) {
  EXPECT_THAT(Units("go to New York, not Yorkshire", {"New York", "not", "York"}),
              ElementsAre("go", "to", "New!_York,!", "not!", "Yorkshire"));
  EXPECT_THAT(Units("nothing is knotted", {"not", ""}), ElementsAre("nothing", "is", "knotted"));
  EXPECT_THAT(Units("say \"yes or no\" now", {"yes"}),
              ElementsAre("say", "\"yes!_or!_no\"!", "now"));
  EXPECT_THAT(Units("a->b c", {"->"}), ElementsAre("a->b!", "c"));
}

TEST(ContextWordsTest, ManyUnclosedQuotesTakeNoLonger) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "\u201cx ";
  EXPECT_EQ(Units(text).size(), 200000U);
}

TEST(WordScoresTest, MeanOfThePiecesOfAWord) {
  const std::vector<PromptPart> parts = {{PartRole::kContext, "abc de \u00e9 f"}};
  const ContextWords words = FindContextWords(parts);
  const std::vector<PieceScore> pieces = {
      {{0, 1}, 0.25F}, {{1, 3}, 0.75F}, {{4, 6}, 0.125F}, {{10, 11}, 1.0F}};
  EXPECT_THAT(WordScores(words, pieces), ElementsAre(0.5F, 0.125F, 0.0F, 1.0F));
}

TEST(WordScoresTest, PiecesAcrossWordsAndBadNumbers) {
  const std::vector<PromptPart> parts = {{PartRole::kContext, "ab cd ef"}};
  const ContextWords words = FindContextWords(parts);
  const std::vector<PieceScore> pieces = {{{0, 5}, 0.5F},
                                          {{6, 8}, std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_THAT(WordScores(words, pieces), ElementsAre(0.5F, 0.5F, 0.0F));
  EXPECT_THAT(WordScores(words, {}), ElementsAre(0.0F, 0.0F, 0.0F));
}

}  // namespace
}  // namespace elm
