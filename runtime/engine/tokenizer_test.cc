#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/assets.h"
#include "runtime/engine/testing/tiny_tokenizer.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kFirstBytePiece;
using testing::kSpacePiece;

std::unique_ptr<const Tokenizer> Tiny() {
  auto tokenizer = Tokenizer::Load(testing::TinyTokenizerModel());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return std::move(*tokenizer);
}

uint32_t IdOf(std::string_view piece) {
  const auto pieces = testing::TinyPieces();
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].text == piece) return id;
  }
  ADD_FAILURE() << "no piece " << piece;
  return 0;
}

TEST(Tokenizer, EncodesWithNothingAdded) {
  const auto tokenizer = Tiny();
  EXPECT_THAT(tokenizer->Encode("the"), ElementsAre(IdOf("\xe2\x96\x81the")));
  EXPECT_THAT(tokenizer->Encode(""), ElementsAre());
  EXPECT_EQ(tokenizer->bos_id(), 1U);
  EXPECT_EQ(tokenizer->eos_id(), 2U);
}

TEST(Tokenizer, UnknownCharactersBecomeBytesAndBack) {
  const auto tokenizer = Tiny();
  const auto ids = tokenizer->Encode("\xe6\x97\xa5");
  EXPECT_THAT(ids, ElementsAre(kSpacePiece, kFirstBytePiece + 0xe6, kFirstBytePiece + 0x97,
                               kFirstBytePiece + 0xa5));
  EXPECT_EQ(tokenizer->Decode(ids), "\xe6\x97\xa5");
}

TEST(Tokenizer, PiecesAreWhatAnIdAppends) {
  const auto tokenizer = Tiny();
  EXPECT_EQ(tokenizer->Piece(IdOf("\xe2\x96\x81the")), " the");
  EXPECT_EQ(tokenizer->Piece(IdOf("he")), "he");
  EXPECT_EQ(tokenizer->Piece(kSpacePiece), " ");
  EXPECT_EQ(tokenizer->Piece(IdOf("[call]")), "[call]");
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(tokenizer->Piece(kFirstBytePiece + static_cast<uint32_t>(byte)),
              std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(tokenizer->Piece(1), "");
  EXPECT_EQ(tokenizer->Piece(2), "");
  EXPECT_EQ(tokenizer->Piece(tokenizer->size()), "");
  EXPECT_EQ(tokenizer->Piece(layout::kNoToken), "");
}

TEST(Tokenizer, UnknownIdLooksAsTheModelSays) {
  const auto tokenizer = Tiny();
  EXPECT_EQ(tokenizer->Piece(0), tokenizer->Decode({{0}}));
  EXPECT_NE(tokenizer->Piece(0), "");
}

TEST(Tokenizer, DecodeIgnoresIdsOutOfRange) {
  const auto tokenizer = Tiny();
  EXPECT_EQ(tokenizer->Decode({{IdOf("he"), tokenizer->size(), layout::kNoToken}}), "he");
}

TEST(Tokenizer, BrokenModelsAreRefusedInOneLine) {
  const std::string whole = testing::TinyTokenizerModel();
  std::vector<std::string> broken = {"", "hello", std::string(1000, '\xff'), std::string(64, '\0')};
  for (const size_t size : {size_t{1}, whole.size() / 2, whole.size() - 1}) {
    broken.push_back(whole.substr(0, size));
  }
  auto pieces = testing::TinyPieces();
  pieces[5].text = "<0xZZ>";
  broken.push_back(testing::SerialiseTokenizer(pieces));
  pieces = testing::TinyPieces();
  pieces[270].text = "";
  broken.push_back(testing::SerialiseTokenizer(pieces));
  pieces = testing::TinyPieces();
  pieces[270].text = pieces[271].text;
  broken.push_back(testing::SerialiseTokenizer(pieces));
  pieces = testing::TinyPieces();
  pieces[0].type = testing::PieceType::kNormal;
  broken.push_back(testing::SerialiseTokenizer(pieces));

  ::testing::internal::CaptureStderr();
  for (const std::string& model : broken) {
    const auto tokenizer = Tokenizer::Load(model);
    EXPECT_EQ(tokenizer.status().code(), StatusCode::kCorruption);
    EXPECT_THAT(tokenizer.status().message(), HasSubstr("not a SentencePiece model"));
    EXPECT_EQ(tokenizer.status().message().find('\n'), std::string::npos);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// Damage that the library does not notice must not crash it, and its ids stay within the
// vocabulary.
TEST(Tokenizer, DamagedModelsNeverCrash) {
  const std::string whole = testing::TinyTokenizerModel();
  std::mt19937 engine(7);
  int loaded = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    damaged[engine() % damaged.size()] = static_cast<char>(engine());
    const auto tokenizer = Tokenizer::Load(damaged);
    if (!tokenizer.ok()) continue;
    ++loaded;
    const auto ids = (*tokenizer)->Encode("the answer \xe6\x97\xa5");
    for (const uint32_t id : ids) EXPECT_LT(id, (*tokenizer)->size());
    static_cast<void>((*tokenizer)->Decode(ids));
    for (uint32_t id = 0; id < (*tokenizer)->size(); ++id) {
      static_cast<void>((*tokenizer)->Piece(id));
    }
  }
  EXPECT_GT(loaded, 100);
}

// Both the golden file and the model it is about, or a skipped test.
class GoldenTokenizer : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string golden_path = AssetPath(kGolden);
    const std::string model_path = AssetPath(GetParam());
    if (golden_path.empty()) GTEST_SKIP() << MissingAsset(kGolden);
    if (model_path.empty()) GTEST_SKIP() << MissingAsset(GetParam());
    golden_ = nlohmann::json::parse(*ReadFile(golden_path, 1U << 26)).at("models").at(GetParam());
    auto tokenizer = Tokenizer::Load(*ReadFile(model_path, 1U << 26));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    tokenizer_ = std::move(*tokenizer);
  }

  static constexpr const char* kGolden = "tokenizers/llama2_golden.json";
  nlohmann::json golden_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

TEST_P(GoldenTokenizer, IdsAndTextAreThoseOfSentencePiece) {
  EXPECT_EQ(tokenizer_->size(), golden_.at("vocab_size").get<uint32_t>());
  EXPECT_GT(golden_.at("cases").size(), 100U);
  for (const auto& golden_case : golden_.at("cases")) {
    const auto text = golden_case.at("text").get<std::string>();
    const auto ids = golden_case.at("ids").get<std::vector<uint32_t>>();
    EXPECT_EQ(tokenizer_->Encode(text), ids) << text;
    EXPECT_EQ(tokenizer_->Decode(ids), golden_case.at("decoded").get<std::string>()) << text;
  }
}

// Piece by piece behind a standing text gives what decoding everything at once gives.
TEST_P(GoldenTokenizer, PiecesJoinToTheDecodedText) {
  const std::vector<uint32_t> before = tokenizer_->Encode("there");
  for (const auto& golden_case : golden_.at("cases")) {
    const auto ids = golden_case.at("ids").get<std::vector<uint32_t>>();
    auto all = before;
    all.insert(all.end(), ids.begin(), ids.end());
    std::string joined = "there";
    for (const uint32_t id : ids) joined += tokenizer_->Piece(id);
    EXPECT_EQ(tokenizer_->Decode(all), joined) << golden_case.at("text");
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTokenizer,
                         ::testing::Values("tokenizers/llama2_32k.model",
                                           "models/stories3M/tokenizer.model",
                                           "models/babyllama105/tok105.model"));

}  // namespace
}  // namespace elm
