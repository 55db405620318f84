#include "runtime/tlm/unicode.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace elm {
namespace {

std::u32string Fold(char32_t code) {
  char32_t folded[3];
  return {folded, FoldCharacter(code, folded)};
}

TEST(UnicodeTest, Flags) {
  struct Case {
    char32_t code;
    unsigned flags;
  };
  for (const Case& c : {
           Case{'a', kCased},
           Case{'Z', kCased},
           Case{'0', 0},
           Case{' ', kBlank},
           Case{'\t', kBlank},
           Case{'\n', kBlank},
           Case{'\v', kRemoved},
           Case{0, kRemoved},
           Case{0x7f, kRemoved},
           Case{'$', kPunctuation},
           Case{'\'', kPunctuation | kCaseIgnorable},
           Case{'~', kPunctuation},
           Case{0xa0, kBlank},
           Case{0xad, kRemoved},
           Case{0x20ac, 0},
           Case{0x2028, kBlank},
           Case{0x2026, kPunctuation},
           Case{0x300, kMark | kCaseIgnorable},
           Case{0x3a3, kCased},
           Case{0x4e00, kIdeograph},
           Case{0x9fff, kIdeograph},
           Case{0xa000, 0},
           Case{0xd800, kRemoved},
           Case{0xe000, kRemoved},
           Case{0xfffd, kRemoved},
           Case{0x1f642, 0},
           Case{0x10ffff, kRemoved},
       }) {
    EXPECT_EQ(unsigned{FlagsOfCharacter(c.code)}, c.flags) << std::hex << uint32_t{c.code};
  }
}

TEST(UnicodeTest, FoldingDropsCaseAndAccents) {
  EXPECT_EQ(Fold('a'), U"a");
  EXPECT_EQ(Fold('Q'), U"q");
  EXPECT_EQ(Fold(U'\u00c9'), U"e");
  EXPECT_EQ(Fold(U'\u1ed1'), U"o");       // two marks
  EXPECT_EQ(Fold(U'\u0130'), U"i");       // the only letter whose lower case is two characters
  EXPECT_EQ(Fold(U'\u00df'), U"\u00df");  // no decomposition
  EXPECT_EQ(Fold(U'\u1e9e'), U"\u00df");
  EXPECT_EQ(Fold(U'\u212a'), U"k");             // the Kelvin sign
  EXPECT_EQ(Fold(U'\u03a3'), U"\u03c3");        // never the final one
  EXPECT_EQ(Fold(U'\u037e'), U";");             // becomes punctuation
  EXPECT_EQ(Fold(U'\u0301'), U"");              // a mark
  EXPECT_EQ(Fold(U'\uf900'), U"\u8c48");        // a compatibility ideograph
  EXPECT_EQ(Fold(U'\uff21'), U"\uff41");        // compatibility forms stay
  EXPECT_EQ(Fold(U'\u09cb'), U"\u09c7\u09be");  // vowel signs with a width of their own
  EXPECT_EQ(Fold(U'\U0001d160'), U"\U0001d158\U0001d165\U0001d16e");
  EXPECT_EQ(Fold(U'\U0010ffff'), U"\U0010ffff");
}

TEST(UnicodeTest, HangulIsTakenApart) {
  EXPECT_EQ(Fold(U'\uac00'), U"\u1100\u1161");
  EXPECT_EQ(Fold(U'\ud55c'), U"\u1112\u1161\u11ab");
  EXPECT_EQ(Fold(U'\ud7a3'), U"\u1112\u1175\u11c2");
  EXPECT_EQ(Fold(U'\ud7a4'), U"\ud7a4");
}

// Folding twice changes nothing, and every run of the table is reached.
TEST(UnicodeTest, FoldedCharactersAreFoldedAlready) {
  size_t changed = 0;
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    const std::u32string once = Fold(code);
    changed += once != std::u32string(1, code) ? 1 : 0;
    std::u32string twice;
    for (const char32_t each : once) twice += Fold(each);
    ASSERT_EQ(once, twice) << std::hex << uint32_t{code};
  }
  // As Unicode 14 has them: letters, 11172 syllables, marks.
  EXPECT_EQ(changed, 16216U);
}

}  // namespace
}  // namespace elm
