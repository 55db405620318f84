#include "runtime/tlm/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/base/utf8.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\n##a\naff\nable\n!\ncafe\n##"
    "s\n\xe4\xb8\xad\n";

WordPieces Encode(std::string_view text, bool lower_case = true) {
  return WordPieceTokenizer::Load(kVocabulary, lower_case).value().Encode(text);
}

TEST(WordPieceTest, TakesTheLongestPieces) {
  EXPECT_THAT(Encode("unaffable able!").ids, ElementsAre(5, 6, 7, 10, 11));
  EXPECT_THAT(Encode("unaffables").ids, ElementsAre(5, 6, 7, 13));
}

TEST(WordPieceTest, AWordWithoutPiecesIsUnknownAsAWhole) {
  const WordPieces pieces = Encode("unaffx able");
  EXPECT_THAT(pieces.ids, ElementsAre(1, 10));
  EXPECT_THAT(pieces.spans, ElementsAre(TextSpan{0, 6}, TextSpan{7, 11}));
}

TEST(WordPieceTest, SpansAreBytesOfTheWord) {
  const WordPieces pieces = Encode(
      " \xc3\x89"
      "a caf\xc3\xa9!\xe4\xb8\xad");
  EXPECT_THAT(pieces.ids, ElementsAre(1, 12, 11, 14));
  EXPECT_THAT(pieces.spans,
              ElementsAre(TextSpan{1, 4}, TextSpan{5, 10}, TextSpan{10, 11}, TextSpan{11, 14}));
}

TEST(WordPieceTest, InvalidBytesAreRemoved) {
  const WordPieces pieces = Encode(
      "\xff"
      "un\x80"
      "aff\xe2\x82");
  EXPECT_THAT(pieces.ids, ElementsAre(5, 6));
  EXPECT_THAT(pieces.spans, ElementsAre(TextSpan{1, 7}, TextSpan{1, 7}));
}

TEST(WordPieceTest, MarksBelongToWhatTheyStandOver) {
  EXPECT_THAT(Encode("!\xcc\x81").spans, ElementsAre(TextSpan{0, 3}));
  EXPECT_THAT(Encode("\xcc\x81un").spans, ElementsAre(TextSpan{0, 4}));
  EXPECT_THAT(Encode("un \xcc\x81 able").spans, ElementsAre(TextSpan{0, 2}, TextSpan{6, 10}));
}

TEST(WordPieceTest, CaseMayMatter) {
  EXPECT_THAT(Encode("UN").ids, ElementsAre(5));
  EXPECT_THAT(Encode("UN un", false).ids, ElementsAre(1, 5));
}

TEST(WordPieceTest, LongWordsAreUnknown) {
  const std::string text = "un " + std::string(10'000, 'a') + " un";
  const WordPieces pieces = Encode(text);
  EXPECT_THAT(pieces.ids, ElementsAre(5, 1, 5));
  EXPECT_THAT(pieces.spans,
              ElementsAre(TextSpan{0, 2}, TextSpan{3, 10'003}, TextSpan{10'004, 10'006}));
}

TEST(WordPieceTest, NothingGivesNothing) {
  EXPECT_TRUE(Encode("").ids.empty());
  EXPECT_TRUE(Encode(" \t\n\xcc\x81 \xff").ids.empty());
}

TEST(WordPieceTest, SpecialPieces) {
  const auto tokenizer = WordPieceTokenizer::Load(kVocabulary, true).value();
  EXPECT_EQ(tokenizer.size(), 15U);
  EXPECT_EQ(tokenizer.pad_id(), 0U);
  EXPECT_EQ(tokenizer.unknown_id(), 1U);
  EXPECT_EQ(tokenizer.cls_id(), 2U);
  EXPECT_EQ(tokenizer.sep_id(), 3U);
  EXPECT_EQ(tokenizer.mask_id(), 4U);
  EXPECT_EQ(tokenizer.piece(6), "##aff");
}

TEST(WordPieceTest, DamagedVocabulariesAreRefused) {
  EXPECT_THAT(WordPieceTokenizer::Load("[PAD]\n[UNK]\n[CLS]\n[MASK]\n", true).status().message(),
              HasSubstr("[SEP] is missing"));
  EXPECT_THAT(WordPieceTokenizer::Load("a\nb\na\n", true).status().message(),
              HasSubstr("line 3 is \"a\", as line 1 is"));
  EXPECT_FALSE(WordPieceTokenizer::Load("", true).ok());
}

// Reference values of Hugging Face's Python tokenizer.
class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* assets = std::getenv("ELM_ASSETS");
    folder_ = StrCat(assets == nullptr ? "" : assets, "/tokenizers/");
    if (!std::ifstream(folder_ + "wordpiece_golden.json")) {
      GTEST_SKIP() << folder_ << "wordpiece_golden.json is not there";
    }
  }

  std::string Read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(folder_ + name).rdbuf();
    return std::move(text).str();
  }

  std::string folder_;
};

// Byte offsets in code points.
std::vector<std::array<size_t, 2>> InCodePoints(std::string_view text,
                                                const std::vector<TextSpan>& spans) {
  std::vector<size_t> code_points(text.size() + 1);
  size_t count = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t size = DecodeUtf8(text, at).size;
    for (size_t i = 0; i < size; ++i) code_points[at + i] = count;
    at += size;
    ++count;
  }
  code_points[text.size()] = count;
  std::vector<std::array<size_t, 2>> converted;
  for (const TextSpan& span : spans) {
    converted.push_back({code_points[span.begin], code_points[span.end]});
  }
  return converted;
}

TEST_F(GoldenTest, AllStrings) {
  const std::string vocabulary = Read("bert_uncased_vocab.txt");
  const auto tokenizer = WordPieceTokenizer::Load(vocabulary, true).value();
  const auto golden = nlohmann::json::parse(Read("wordpiece_golden.json"));
  size_t strings = 0;
  size_t with_spans = 0;
  for (const auto& each : golden["cases"]) {
    const auto text = each["text"].get<std::string>();
    SCOPED_TRACE(each.dump().substr(0, 400));
    const WordPieces pieces = tokenizer.Encode(text);
    ASSERT_EQ(pieces.ids, each["ids"].get<std::vector<uint32_t>>());
    ASSERT_EQ(pieces.spans.size(), pieces.ids.size());
    ++strings;
    if (!each.contains("spans")) continue;
    EXPECT_EQ(InCodePoints(text, pieces.spans),
              (each["spans"].get<std::vector<std::array<size_t, 2>>>()));
    ++with_spans;
  }
  EXPECT_EQ(strings, 239U);
  EXPECT_GT(with_spans, 230U);
}

}  // namespace
}  // namespace elm
