#include "formats/base/text_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Lines(std::string_view text) {
  const Result<std::vector<TextLine>> lines = SplitLines(text, "f");
  EXPECT_TRUE(lines.ok()) << lines.status().ToString();
  std::vector<std::string> numbered;
  for (const TextLine& line : *lines) numbered.push_back(StrCat(line.number, " ", line.text));
  return numbered;
}

TEST(TextLinesTest, LinesAreCountedFromOne) {
  EXPECT_THAT(Lines("a\n\nb\r\nc"), ElementsAre("1 a", "2 ", "3 b", "4 c"));
  EXPECT_THAT(Lines("a\n"), ElementsAre("1 a"));
  EXPECT_THAT(Lines("\n"), ElementsAre("1 "));
  EXPECT_THAT(Lines(""), IsEmpty());
}

TEST(TextLinesTest, ByteOrderMarkIsNoText) {
  EXPECT_THAT(Lines("\xEF\xBB\xBF\x61\n"), ElementsAre("1 a"));
  EXPECT_THAT(Lines("\xEF\xBB\xBF"), IsEmpty());
}

TEST(TextLinesTest, WhatIsNotUtf8IsFoundByLineAndByte) {
  EXPECT_EQ(SplitLines("a\nbc\xFF\n", "f").status().ToString(),
            "corruption: f:2: not UTF-8 at byte 2 of the line; convert the file to UTF-8 first "
            "(iconv can)");
}

}  // namespace
}  // namespace elm
