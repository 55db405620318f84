#include "formats/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace elm {
namespace {

std::string EncodeCodePoint(uint32_t code) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | code >> 6), byte(0x80 | (code & 63))};
  if (code < 0x10000) {
    return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
  }
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
          byte(0x80 | (code & 63))};
}

TEST(Utf8Test, EveryCodePointIsValidExceptSurrogates) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    ASSERT_EQ(FindInvalidUtf8(EncodeCodePoint(code)).has_value(), surrogate) << code;
  }
}

TEST(Utf8Test, EveryCharacterIsDecodedAndEncoded) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    const std::string text = "a" + EncodeCodePoint(code);
    const Utf8Character character = DecodeUtf8(text, 1);
    ASSERT_TRUE(character.valid) << code;
    ASSERT_EQ(static_cast<uint32_t>(character.code), code);
    ASSERT_EQ(character.size, text.size() - 1) << code;
    std::string appended;
    AppendUtf8(code, appended);
    ASSERT_EQ(appended, EncodeCodePoint(code)) << code;
  }
}

TEST(Utf8Test, InvalidBytesAreDecodedOneByOne) {
  for (const char* text : {"\x80", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    const Utf8Character character = DecodeUtf8(text, 0);
    EXPECT_FALSE(character.valid);
    EXPECT_EQ(character.size, 1U);
  }
}

TEST(Utf8Test, FindsTheFirstInvalidByte) {
  struct Case {
    std::string text;
    size_t offset;
  };
  const Case cases[] = {
      {"\x80", 0},              // continuation without lead
      {"ab\xFFz", 2},           // never a byte of UTF-8
      {"\xC0\x80", 0},          // overlong
      {"\xC1\xBF", 0},          // overlong
      {"\xE0\x9F\xBF", 0},      // overlong
      {"\xF0\x8F\xBF\xBF", 0},  // overlong
      {"\xF4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},
      {"ok\xE2\x82", 2},  // ends inside a character
      {"ok\xE2\x82z", 2},
      {"\u20ac\xC3(", 3},
  };
  for (const Case& c : cases) EXPECT_EQ(FindInvalidUtf8(c.text), c.offset) << c.text;
  EXPECT_EQ(FindInvalidUtf8(""), std::nullopt);
  EXPECT_EQ(FindInvalidUtf8(std::string("a\0b", 3)), std::nullopt);
}

TEST(Utf8Test, PrefixesEndBetweenCharacters) {
  const std::string text = "a\u00e9\u20ac\U0001F600";  // 1 + 2 + 3 + 4 bytes
  const size_t complete[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t length = 0; length <= text.size(); ++length) {
    EXPECT_EQ(CompleteUtf8Prefix(std::string_view(text).substr(0, length)), complete[length])
        << length;
  }
}

TEST(Utf8Test, InvalidBytesAreNotWaitedFor) {
  EXPECT_EQ(CompleteUtf8Prefix("a\xFF"), 2U);
  EXPECT_EQ(CompleteUtf8Prefix("\x80\x80\x80\x80"), 4U);
  EXPECT_EQ(CompleteUtf8Prefix("a\xC3("), 3U);
}

}  // namespace
}  // namespace elm
