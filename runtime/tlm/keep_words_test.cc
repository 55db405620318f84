#include "runtime/tlm/keep_words.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

// The text with the words that `mask` marks: one character for each word, '.' drops it.
std::string Kept(const std::string& text, const std::string& mask) {
  const std::vector<PromptPart> parts = {{PartRole::kContext, text}};
  const ContextWords words = FindContextWords(parts);
  EXPECT_EQ(words.words.size(), mask.size());
  std::vector<uint8_t> kept;
  for (const char flag : mask) kept.push_back(flag == '.' ? 0 : 1);
  return KeepWords(parts, words, kept).front().text;
}

TEST(KeepWordsTest, OneBlankWhereWordsAreGone) {
  EXPECT_EQ(Kept("a b c d", "x..x"), "a d");
  EXPECT_EQ(Kept("a b c d", ".x.x"), "b d");
  EXPECT_EQ(Kept("a b c d", "x..."), "a");
  EXPECT_EQ(Kept("a  b   c", "xx."), "a  b");
  EXPECT_EQ(Kept("a  b   c", "x.x"), "a c");
  EXPECT_EQ(Kept("a\tb\tc", "x.x"), "a\tc");
}

TEST(KeepWordsTest, EverythingKeptIsUntouched) {
  for (const char* text : {"a b", " a  b \n", "\n\n a\n\n\nb\n\n", "a\r\nb\r\n", "a\tb\v"}) {
    EXPECT_EQ(Kept(text, "xx"), text);
    EXPECT_EQ(Kept(text, ".."), "");
  }
}

TEST(KeepWordsTest, LinesStayWithTheirWords) {
  EXPECT_EQ(Kept("a b\nc d\ne f", "x..x.x"), "a\nd\nf");
  EXPECT_EQ(Kept("a b\nc d\ne f", "x...xx"), "a\ne f");
  EXPECT_EQ(Kept("a b\nc d\ne f", "xx...."), "a b");
  EXPECT_EQ(Kept("a b\nc d\ne f\n", "x....."), "a\n");
  EXPECT_EQ(Kept("a b\nc d\ne f", "....x."), "e");
}

TEST(KeepWordsTest, IndentationAndLineEndsStay) {
  EXPECT_EQ(Kept("  a b\n\tc d\n", ".xx."), "  b\n\tc\n");
  EXPECT_EQ(Kept("a b\r\nc d\r\n", "x..x"), "a\r\nd\r\n");
  EXPECT_EQ(Kept("a b\r\nc d", "x..."), "a");
  EXPECT_EQ(Kept("a b  \nc", "x.x"), "a\nc");
}

TEST(KeepWordsTest, EmptyLinesBetweenLinesThatBothStay) {
  EXPECT_EQ(Kept("a b\n\n\nc d", "x.x."), "a\n\n\nc");
  EXPECT_EQ(Kept("a\n\nb\n\nc", "x.x"), "a\nc");
  EXPECT_EQ(Kept("\n\na b\n\n", "x."), "\n\na\n\n");
  EXPECT_EQ(Kept("\na\n\nb\n", ".x"), "b\n");
  EXPECT_EQ(Kept("a\n\nb\n\n", "x."), "a\n");
}

TEST(KeepWordsTest, OnlyContextsChange) {
  const std::vector<PromptPart> parts = {{PartRole::kSystem, " s  t \n"},
                                         {PartRole::kContext, "a b"},
                                         {PartRole::kInstructions, "\n i"},
                                         {PartRole::kContext, "c"},
                                         {PartRole::kQuestion, "q \xff"}};
  const ContextWords words = FindContextWords(parts);
  const std::vector<uint8_t> kept = {0, 1, 0};
  const std::vector<PromptPart> expected = {{PartRole::kSystem, " s  t \n"},
                                            {PartRole::kContext, "b"},
                                            {PartRole::kInstructions, "\n i"},
                                            {PartRole::kContext, ""},
                                            {PartRole::kQuestion, "q \xff"}};
  EXPECT_EQ(KeepWords(parts, words, kept), expected);
}

}  // namespace
}  // namespace elm
