#include "formats/workspace/sha256.h"

#include <gtest/gtest.h>

#include "formats/base/atomic_file.h"
#include "formats/base/testing/temporary_directory.h"
#include "formats/workspace/stage_key.h"

namespace elm {
namespace {

// FIPS 180-2, appendix B.
TEST(Sha256Test, AgreesWithTheStandard) {
  EXPECT_EQ(Sha256OfString(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256OfString("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256OfString(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PiecesAndFilesGiveTheSame) {
  std::string bytes(3000001, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  Sha256 pieces;
  pieces.Update(std::string_view(bytes).substr(0, 12345));
  pieces.Update(std::string_view(bytes).substr(12345));
  EXPECT_EQ(pieces.HexDigest(), Sha256OfString(bytes));

  const testing::TemporaryDirectory directory;
  ASSERT_TRUE(WriteFileAtomically(directory.Path("bytes"), bytes).ok());
  EXPECT_EQ(*Sha256OfFile(directory.Path("bytes")), Sha256OfString(bytes));
  EXPECT_EQ(Sha256OfFile(directory.Path("absent")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Sha256OfFile(directory.path()).status().code(), StatusCode::kIo);
}

TEST(StageKeyTest, DependsOnEveryNameAndValue) {
  const std::string key = StageKey().Add("seed", 1).Add("data", "x").Hex();
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(StageKey().Add("seed", 1).Add("data", "x").Hex(), key);
  EXPECT_NE(StageKey().Add("seed", 2).Add("data", "x").Hex(), key);
  EXPECT_NE(StageKey().Add("data", "x").Add("seed", 1).Hex(), key);
  EXPECT_NE(StageKey().Add("seed1", "").Add("data", "x").Hex(), key);
  EXPECT_NE(StageKey().Add("a", "bc").Hex(), StageKey().Add("ab", "c").Hex());
}

}  // namespace
}  // namespace elm
