#include "datasets/token_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "formats/base/utf8.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One token per byte.
std::vector<uint32_t> EncodeBytes(std::string_view text) {
  EXPECT_FALSE(FindInvalidUtf8(text).has_value()) << "cut inside a character";
  std::vector<uint32_t> ids;
  for (char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

// One token per word: words are numbers, which are their own ids.
std::vector<uint32_t> EncodeNumbers(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<uint32_t> ids;
  for (uint32_t id; in >> id;) ids.push_back(id);
  return ids;
}

std::string TextOf(const TokenWindows& windows, size_t index) {
  std::string text;
  for (uint32_t id : windows.row(index)) text.push_back(static_cast<char>(id));
  return text;
}

std::vector<std::string> ByteWindows(std::string_view text, uint32_t length, size_t max_windows) {
  const Result<TokenWindows> windows = CutTextWindows(
      text, "text", EncodeBytes, {.length = length, .max_windows = max_windows, .add_bos = false});
  EXPECT_TRUE(windows.ok()) << windows.status().ToString();
  std::vector<std::string> texts;
  for (size_t i = 0; windows.ok() && i < windows->count(); ++i) {
    texts.push_back(TextOf(*windows, i));
  }
  return texts;
}

std::string Message(std::string_view text, const WindowOptions& options) {
  return CutTextWindows(text, "text", EncodeBytes, options).status().message();
}

TEST(TokenWindowsTest, WindowsBeginAtLineStarts) {
  EXPECT_THAT(ByteWindows("alpha one\nbeta two\ngamma three\n", 4, 100),
              ElementsAre("alph", "beta", "gamm"));
}

TEST(TokenWindowsTest, WhiteSpaceBeforeAWindowIsSkipped) {
  EXPECT_THAT(ByteWindows("\n \n  alpha\n\n\r\n  beta", 4, 100), ElementsAre("alph", "beta"));
}

TEST(TokenWindowsTest, LongLineIsCutAtWordStarts) {
  EXPECT_THAT(ByteWindows("abcd efgh ijkl mnop qrst uvwx", 5, 100),
              ElementsAre("abcd ", "ijkl ", "qrst "));
}

TEST(TokenWindowsTest, TextWithoutAnySpaceIsCutBackToBack) {
  EXPECT_THAT(ByteWindows("abcdefghijkl", 4, 100), ElementsAre("abcd", "efgh", "ijkl"));
}

TEST(TokenWindowsTest, CharactersStayWhole) {
  // Three bytes each; a window of four bytes ends inside the second, the next starts at the third.
  EXPECT_THAT(ByteWindows("\u20ac\u20ac\u20ac\u20ac", 4, 100),
              ElementsAre("\u20ac\xE2", "\u20ac\xE2"));
}

TEST(TokenWindowsTest, WindowsAreSpreadEvenly) {
  std::string text;
  for (int line = 0; line < 100; ++line) text += StrCat(1000 + line, " 1 2 3\n");
  const Result<TokenWindows> windows = CutTextWindows(
      text, "text", EncodeNumbers, {.length = 3, .max_windows = 4, .add_bos = false});
  ASSERT_TRUE(windows.ok());
  EXPECT_THAT(windows->ids, ElementsAre(1000, 1, 2, 1025, 1, 2, 1050, 1, 2, 1075, 1, 2));
}

TEST(TokenWindowsTest, WindowsNeverOverlap) {
  std::string text;
  for (int id = 0; id < 1000; ++id) text += StrCat(id, id % 7 == 0 ? "\n" : " ");
  for (size_t max_windows : {1, 3, 10, 50, 99, 1000}) {
    const Result<TokenWindows> windows = CutTextWindows(
        text, "text", EncodeNumbers, {.length = 11, .max_windows = max_windows, .bos_id = 5000});
    ASSERT_TRUE(windows.ok());
    EXPECT_LE(windows->count(), max_windows);
    EXPECT_GE(windows->count(), std::min<size_t>(max_windows, 50)) << "wasteful";
    std::set<uint32_t> seen;
    for (size_t i = 0; i < windows->count(); ++i) {
      EXPECT_EQ(windows->row(i)[0], 5000U);
      for (uint32_t id : windows->row(i).subspan(1)) {
        EXPECT_TRUE(seen.insert(id).second) << id << " twice with " << max_windows;
      }
    }
  }
}

TEST(TokenWindowsTest, NoWindowCrossesDocuments) {
  EXPECT_THAT(ByteWindows("abcdef\n<|endoftext|>\nxy\n<|endoftext|>\nuvwxyz", 5, 100),
              ElementsAre("abcde", "uvwxy"));
}

TEST(TokenWindowsTest, BosTakesOnePlace) {
  const Result<TokenWindows> windows = CutTextWindows("7 8 9 10\n", "text", EncodeNumbers,
                                                      {.length = 4, .max_windows = 9, .bos_id = 1});
  ASSERT_TRUE(windows.ok());
  EXPECT_THAT(windows->ids, ElementsAre(1, 7, 8, 9));
}

TEST(TokenWindowsTest, UnlimitedWindowsTakeTheWholeText) {
  EXPECT_EQ(ByteWindows(std::string(1000, 'x'), 10, SIZE_MAX).size(), 100U);
}

TEST(TokenWindowsTest, LargeTextIsNotEncodedWhole) {
  std::string text;
  while (text.size() < 1000000) text += "a line of forty characters, newline too.\n";
  size_t encoded = 0;
  const EncodeText count = [&encoded](std::string_view part) {
    encoded += part.size();
    return EncodeBytes(part);
  };
  const Result<TokenWindows> windows =
      CutTextWindows(text, "text", count, {.length = 33, .max_windows = 10});
  ASSERT_TRUE(windows.ok());
  EXPECT_EQ(windows->count(), 10U);
  EXPECT_LT(encoded, 10U * 33 * 32);
}

TEST(TokenWindowsTest, RefusesWhatHoldsNoWindow) {
  EXPECT_THAT(Message("", {}), HasSubstr("text: empty"));
  EXPECT_THAT(Message(" \n\t\n<|endoftext|>\n", {}), HasSubstr("text: empty"));
  EXPECT_THAT(Message("four\n<|endoftext|>\nelevenchars", {.length = 13}),
              HasSubstr("the longest document has 11 tokens, but a window takes 12"));
  EXPECT_THAT(Message("text", {.length = 1}), HasSubstr("window length is 1"));
  EXPECT_THAT(Message("text", {.max_windows = 0}), HasSubstr("0 windows"));
}

class TextFile {
 public:
  explicit TextFile(std::string_view contents)
      : path_(testing::TempDir() + "token_windows_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt") {
    std::ofstream(path_, std::ios::binary) << contents;
  }
  ~TextFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(TokenWindowsTest, ReadsAFile) {
  const TextFile file("alpha\nbeta\n");
  const Result<TokenWindows> windows =
      ReadTextWindows(file.path(), EncodeBytes, {.length = 5, .max_windows = 2});
  ASSERT_TRUE(windows.ok()) << windows.status().ToString();
  EXPECT_THAT(windows->ids, ElementsAre(1, 'a', 'l', 'p', 'h', 1, 'b', 'e', 't', 'a'));
}

TEST(TokenWindowsTest, FileErrorsNameTheFile) {
  const TextFile invalid("valid\xFFnot");
  const Status status = ReadTextWindows(invalid.path(), EncodeBytes, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr(invalid.path() + ": not UTF-8 at byte 5"));
  EXPECT_EQ(ReadTextWindows(invalid.path() + ".none", EncodeBytes, {}).status().code(),
            StatusCode::kNotFound);
}

TEST(TokenWindowsTest, EmptyFileIsRefused) {
  const TextFile empty("");
  EXPECT_THAT(ReadTextWindows(empty.path(), EncodeBytes, {}).status().message(),
              HasSubstr(empty.path() + ": empty"));
}

TEST(TokenWindowsTest, UnigramEntropyCountsPredictedTokensOnly) {
  // Predicted: 7 7 8 9, that is 1/2, 1/4, 1/4.
  const TokenWindows windows{.length = 3, .ids = {1, 7, 8, 1, 7, 9}};
  EXPECT_NEAR(UnigramEntropy(windows), 1.5 * std::log(2.0), 1e-12);
  EXPECT_EQ(UnigramEntropy({.length = 3, .ids = {1, 5, 5}}), 0.0);
}

}  // namespace
}  // namespace elm
