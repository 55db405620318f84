#include "toolchain/tlm/wordpiece_vocabulary.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/tlm/wordpiece.h"
#include "toolchain/base/error.h"
#include "toolchain/tlm/testing/small_tlm.h"

namespace elm {
namespace {

std::string Build(const std::vector<std::string>& texts, const VocabularyOptions& options) {
  size_t next = 0;
  return BuildWordPieceVocabulary(
      [&](std::string& text) {
        if (next == texts.size()) return false;
        text = texts[next++];
        return true;
      },
      options);
}

std::vector<std::string> Lines(const std::string& vocabulary) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < vocabulary.size();) {
    const size_t end = vocabulary.find('\n', begin);
    lines.push_back(vocabulary.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

TEST(WordPieceVocabularyTest, FrequentWordsBecomePieces) {
  const std::vector<std::string> lines =
      Lines(Build({"the cat the cat the dog", "The Cat sat."}, {.size = 60, .least_count = 2}));
  const std::set<std::string> pieces(lines.begin(), lines.end());
  EXPECT_EQ(pieces.size(), lines.size());
  EXPECT_TRUE(pieces.contains("the"));
  EXPECT_TRUE(pieces.contains("cat"));
  EXPECT_FALSE(pieces.contains("dog"));  // occurs once
  EXPECT_TRUE(pieces.contains("d"));
  EXPECT_TRUE(pieces.contains("##g"));
  EXPECT_TRUE(pieces.contains("."));
  EXPECT_FALSE(pieces.contains("T"));  // lower case
}

TEST(WordPieceVocabularyTest, SloTokensAreTheLastRows) {
  const std::vector<std::string> lines =
      Lines(Build({"a b"}, {.size = 40, .ttft_permille = {200, 1000}, .tpot_permille = {500}}));
  ASSERT_GE(lines.size(), 3U);
  EXPECT_EQ(lines[lines.size() - 3], TtftPiece(200));
  EXPECT_EQ(lines[lines.size() - 2], TtftPiece(1000));
  EXPECT_EQ(lines[lines.size() - 1], TpotPiece(500));
}

TEST(WordPieceVocabularyTest, NothingOfItsTextIsUnknown) {
  const TlmSettings settings = SmallTlmSettings();
  EXPECT_TRUE(Validate(settings).ok()) << Validate(settings).ToString();
  const auto tokenizer =
      ValueOrThrow(WordPieceTokenizer::Load(settings.vocabulary, settings.lower_case));
  for (uint64_t i = 0; i < 50; ++i) {
    const std::string text = pocket::MakeDocument(pocket::Split::kTrain, 1, i);
    for (const uint32_t id : tokenizer.Encode(text).ids) EXPECT_NE(id, tokenizer.unknown_id());
  }
}

TEST(WordPieceVocabularyTest, TheSameTextGivesTheSame) {
  EXPECT_EQ(SmallTlmSettings().vocabulary, SmallTlmSettings().vocabulary);
}

TEST(WordPieceVocabularyTest, ASizeWithoutRoomIsRefused) {
  EXPECT_THROW(Build({"a b c d e f g h"}, {.size = 8}), Error);
}

}  // namespace
}  // namespace elm
