#include "formats/base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace elm {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(HashTest, IsXxh3) {
  // XXH3_64bits of nothing, from the specification of xxHash.
  EXPECT_EQ(Hash64({}), 0x2D06800538D394C2U);
}

TEST(HashTest, PiecesHashAsOne) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 31 % 251);
  for (size_t piece : {1, 7, 64, 255, 1024, 5000}) {
    Hasher64 hasher;
    for (size_t begin = 0; begin < text.size(); begin += piece) {
      hasher.Update(Bytes(std::string_view(text).substr(begin, piece)));
    }
    EXPECT_EQ(hasher.Digest(), Hash64(Bytes(text))) << piece;
  }
  EXPECT_EQ(Hasher64().Digest(), Hash64({}));
}

TEST(HashTest, EveryBitCounts) {
  std::string text(300, 'x');
  const uint64_t before = Hash64(Bytes(text));
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      text[i] = static_cast<char>(text[i] ^ (1 << bit));
      EXPECT_NE(Hash64(Bytes(text)), before) << i;
      text[i] = static_cast<char>(text[i] ^ (1 << bit));
    }
  }
}

}  // namespace
}  // namespace elm
