#include "runtime/tlm/tiny_lm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "formats/base/testing/temporary_directory.h"
#include "formats/elm/testing/tiny_bundle.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

class TinyLmTest : public ::testing::Test {
 protected:
  TinyLmTest() {
    const std::string path = directory_.Path("tiny.elm");
    const Status written = WriteBundle(path, testing::TinyElasticContents(), testing::FillTiny, {},
                                       LeastErrorQuantiser(), {}, testing::FillTinyTlm);
    EXPECT_TRUE(written.ok()) << written.ToString();
    tiny_lm_ = TinyLm::Create(Bundle::Open(path).value(), 2).value();
  }

  TlmAnswer Read(const TlmQuestion& question, TlmHeads heads = TlmHeads::kBoth) {
    return tiny_lm_->Read(question, heads).value();
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<TinyLm> tiny_lm_;
};

float Sum(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0F);
}

TEST_F(TinyLmTest, AnswersHoldProbabilities) {
  const TlmAnswer answer = Read({"the cat", "cats sat on the cat", 0.6, 0.5});
  ASSERT_EQ(answer.pieces.size(), 6U);  // "cats" is two
  EXPECT_EQ(answer.pieces[1].span, (TextSpan{0, 4}));
  EXPECT_EQ(answer.pieces[5].span, (TextSpan{16, 19}));
  for (const PieceScore& piece : answer.pieces) {
    EXPECT_GE(piece.retain, 0);
    EXPECT_LE(piece.retain, 1);
  }
  ASSERT_EQ(answer.prompt_levels.size(), 3U);
  ASSERT_EQ(answer.model_levels.size(), 2U);
  ASSERT_EQ(answer.right.size(), 6U);
  EXPECT_NEAR(Sum(answer.prompt_levels), 1, 1e-5);
  EXPECT_NEAR(Sum(answer.model_levels), 1, 1e-5);
  EXPECT_EQ(answer.windows, 1U);
  EXPECT_EQ(answer.tokens, 12U);
}

TEST_F(TinyLmTest, OnlyWhatIsAskedForIsComputed) {
  const TlmQuestion question = {"the cat", "the cat sat on the cat"};
  const TlmAnswer both = Read(question);
  const TlmAnswer score = Read(question, TlmHeads::kScore);
  const TlmAnswer decision = Read(question, TlmHeads::kDecision);
  EXPECT_TRUE(score.prompt_levels.empty());
  EXPECT_TRUE(score.right.empty());
  EXPECT_TRUE(decision.pieces.empty());
  ASSERT_EQ(score.pieces.size(), both.pieces.size());
  for (size_t i = 0; i < both.pieces.size(); ++i) {
    EXPECT_EQ(score.pieces[i].retain, both.pieces[i].retain);
  }
  EXPECT_EQ(decision.prompt_levels, both.prompt_levels);
  EXPECT_EQ(decision.model_levels, both.model_levels);
  EXPECT_EQ(decision.right, both.right);
}

// The decision sees the question and the SLO.
TEST_F(TinyLmTest, QuestionAndSloMatter) {
  const TlmAnswer one = Read({"the cat", "the cat sat on the cat"});
  EXPECT_NE(one.right, Read({"sat on", "the cat sat on the cat"}).right);
  EXPECT_NE(one.right, Read({"the cat", "the cat sat on the cat", 0.2, 1}).right);
  EXPECT_NE(one.right, Read({"the cat", "the cat sat on the cat", 1, 0.5}).right);
}

TEST_F(TinyLmTest, LongContextsAreReadInWindows) {
  std::string context;
  for (int i = 0; i < 50; ++i) context += i % 2 == 0 ? "the " : "cat ";
  const TlmAnswer answer = Read({"cat", context});
  EXPECT_GT(answer.windows, 2U);
  EXPECT_GT(answer.tokens, 50U);
  ASSERT_EQ(answer.pieces.size(), 50U);
  for (size_t i = 0; i < answer.pieces.size(); ++i) {
    EXPECT_EQ(answer.pieces[i].span.begin, 4 * i);
    EXPECT_GE(answer.pieces[i].retain, 0);
    EXPECT_LE(answer.pieces[i].retain, 1);
  }
  EXPECT_NEAR(Sum(answer.prompt_levels), 1, 1e-5);
}

TEST_F(TinyLmTest, EmptyTextsAreAnsweredToo) {
  for (const TlmQuestion& question : {TlmQuestion{"", ""}, TlmQuestion{"cat", ""},
                                      TlmQuestion{"", "cat"}, TlmQuestion{"\xff", " \n"}}) {
    const TlmAnswer answer = Read(question);
    EXPECT_EQ(answer.windows, 1U);
    EXPECT_NEAR(Sum(answer.model_levels), 1, 1e-5);
  }
  EXPECT_EQ(Read({"", "cat"}).pieces.size(), 1U);
}

TEST_F(TinyLmTest, OneLongWordEmojiAndRightToLeft) {
  const std::string word(10'000, 'x');
  const TlmAnswer answer = Read({word, word + " \xf0\x9f\x99\x82 \xd7\xa9\xd7\x9c"});
  ASSERT_EQ(answer.pieces.size(), 3U);
  EXPECT_EQ(answer.pieces[0].span, (TextSpan{0, 10'000}));
  EXPECT_EQ(answer.pieces[2].span, (TextSpan{10'006, 10'010}));
}

TEST(TinyLmCreateTest, ABundleWithoutOneIsNamed) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("plain.elm");
  ASSERT_TRUE(WriteBundle(path, testing::TinyContents(), testing::FillTiny).ok());
  const auto made = TinyLm::Create(Bundle::Open(path).value(), 1);
  EXPECT_EQ(made.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(made.status().message(), HasSubstr("plain.elm: the bundle has no tiny LM"));
}

}  // namespace
}  // namespace elm
