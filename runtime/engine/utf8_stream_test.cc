#include "runtime/engine/utf8_stream.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "formats/base/utf8.h"

namespace elm {
namespace {

std::string PushByteByByte(std::string_view bytes) {
  Utf8Stream stream;
  std::string text;
  for (const char byte : bytes) {
    const std::string_view whole = stream.Push({&byte, 1});
    EXPECT_FALSE(FindInvalidUtf8(whole).has_value());
    text += whole;
  }
  return text;
}

TEST(Utf8Stream, HoldsBackUntilACharacterIsWhole) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("a\xe6"), "a");
  EXPECT_EQ(stream.Push("\x97"), "");
  EXPECT_EQ(stream.Push("\xa5z"), "\xe6\x97\xa5z");
}

TEST(Utf8Stream, ValidTextComesOutUnchanged) {
  const std::string text = "na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80.";
  EXPECT_EQ(PushByteByByte(text), text);
}

TEST(Utf8Stream, MalformedBytesAreReplacedOneByOne) {
  EXPECT_EQ(PushByteByByte("a\xff\xfe!"), "a\xef\xbf\xbd\xef\xbf\xbd!");
  EXPECT_EQ(PushByteByByte("\xe6!"), "\xef\xbf\xbd!");
}

TEST(Utf8Stream, AnIncompleteEndIsDropped) { EXPECT_EQ(PushByteByByte("ab\xf0\x9f\x98"), "ab"); }

TEST(Utf8Stream, RandomBytesAlwaysGiveValidText) {
  std::mt19937 engine(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    for (int i = 0; i < 50; ++i)
      bytes += static_cast<char>(engine() % 8 < 5 ? 0x80 + engine() % 128 : 'x');
    const std::string text = PushByteByByte(bytes + "end.");
    EXPECT_TRUE(text.ends_with("end."));
  }
}

}  // namespace
}  // namespace elm
