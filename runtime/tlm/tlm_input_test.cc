#include "runtime/tlm/tlm_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/model/testing/tiny_tlm.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// Ids of the tiny vocabulary.
constexpr uint32_t kCls = 2;
constexpr uint32_t kSep = 3;
constexpr uint32_t kThe = 5;
constexpr uint32_t kCat = 6;
constexpr uint32_t kSat = 8;

class TlmInputTest : public ::testing::Test {
 protected:
  TlmInput Make(std::string_view question, std::string_view context, double ttft = 1,
                double tpot = 1) const {
    return MakeTlmInput(settings_, tokenizer_, {question, context, ttft, tpot});
  }

  const TlmSettings settings_ = testing::TinyTlmSettings();  // 24 positions, overlap 4
  const WordPieceTokenizer tokenizer_ =
      WordPieceTokenizer::Load(settings_.vocabulary, true).value();
};

// The decision sees the question, and the SLO as the tokens that were trained.
TEST_F(TlmInputTest, HeaderHoldsSloAndQuestion) {
  const TlmInput input = Make("The cat", "cat sat", 0.6, 0.5);
  ASSERT_EQ(input.windows.size(), 1U);
  EXPECT_THAT(input.windows[0].ids, ElementsAre(kCls, 12, 14, kThe, kCat, kSep, kCat, kSat));
  EXPECT_EQ(input.windows[0].header, 6U);
  EXPECT_EQ(input.windows[0].first_piece, 0U);
  EXPECT_THAT(input.context.ids, ElementsAre(kCat, kSat));
}

// 100 % is not fed as 90 %, or anything else.
TEST_F(TlmInputTest, TheFullSloIsFedAsSuch) {
  const TlmInput input = Make("", "cat", 1.0, 1.0);
  EXPECT_THAT(input.windows[0].ids, ElementsAre(kCls, 13, 15, kSep, kCat));
}

TEST_F(TlmInputTest, AnEmptyContextIsABareHeader) {
  const TlmInput input = Make("cat", "");
  ASSERT_EQ(input.windows.size(), 1U);
  EXPECT_EQ(input.windows[0].ids.size(), input.windows[0].header);
}

std::string Words(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += i % 3 == 0 ? "the " : i % 3 == 1 ? "cat " : "sat ";
  return text;
}

// A long question keeps its end and leaves two thirds to the context.
TEST_F(TlmInputTest, ALongQuestionIsCutFromTheFront) {
  const TlmInput input = Make("sat sat " + Words(8), "cat");
  EXPECT_THAT(input.windows[0].ids, ElementsAre(kCls, 13, 15, kThe, kCat, kSat, kThe, kCat, kSat,
                                                kThe, kCat, kSep, kCat));
}

// Nothing is truncated: every piece is in a window, neighbours overlap, all carry the header.
TEST_F(TlmInputTest, WindowsCoverALongContext) {
  for (const size_t pieces : {19U, 20U, 21U, 22U, 37U, 38U, 100U, 1000U}) {
    SCOPED_TRACE(pieces);
    const TlmInput input = Make("cat", Words(pieces));  // 5 positions of header leave 19
    const std::vector<uint32_t>& ids = input.context.ids;
    ASSERT_EQ(ids.size(), pieces);
    size_t covered = 0;
    for (const TlmWindow& window : input.windows) {
      EXPECT_EQ(window.header, 5U);
      EXPECT_EQ(window.ids.size(), 24U);  // full, the last one too
      EXPECT_THAT(std::vector(window.ids.begin(), window.ids.begin() + 5),
                  ElementsAre(kCls, 13, 15, kCat, kSep));
      EXPECT_THAT(std::vector(window.ids.begin() + 5, window.ids.end()),
                  ElementsAreArray(std::vector(ids.begin() + window.first_piece,
                                               ids.begin() + window.first_piece + 19)));
      if (covered > 0) {
        EXPECT_LE(window.first_piece + settings_.window_overlap, covered);
      }
      ASSERT_LE(window.first_piece, covered);
      ASSERT_GT(window.first_piece + 19, covered);
      covered = window.first_piece + 19;
    }
    EXPECT_EQ(covered, pieces);
  }
}

TEST_F(TlmInputTest, AnOverlapThatFillsTheWindowMovesOnAllTheSame) {
  TlmSettings settings = settings_;
  settings.window_overlap = 23;
  const std::string context = Words(40);
  const TlmInput input = MakeTlmInput(settings, tokenizer_, {"cat", context, 1, 1});
  EXPECT_EQ(input.windows.size(), 22U);
  EXPECT_EQ(input.windows.back().first_piece, 21U);
}

}  // namespace
}  // namespace elm
