#include "toolchain/eval/exact_match.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

constexpr uint32_t kStop = 9;

// Piece 0 is " 14", 1 ":", 2 "30", 3 "3", 4 "0", 5 " ", 6 "\n", 7 "30\nQ: more".
const AnswerDecoder kDecoder = {.piece =
                                    [](uint32_t id) {
                                      const char* pieces[] = {" 14", ":", "30", "3",
                                                              "0",   " ", "\n", "30\nQ: more"};
                                      return std::string(pieces[id]);
                                    },
                                .stop_ids = {8, kStop}};

MatchVerdict Judge(const std::vector<uint32_t>& ids, size_t most_tokens = 20,
                   const std::string& answer = "14:30") {
  return JudgeExactMatch(ids, answer, most_tokens, kDecoder);
}

TEST(ExactMatchTest, AnAnswerEndsWithItsLineOrAStopId) {
  EXPECT_EQ(Judge({0, 1, 2, 6}), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 1, 2, kStop}), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 1, 7}), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 1, 6}), MatchVerdict::kWrong);
  EXPECT_EQ(Judge({kStop}), MatchVerdict::kWrong);
  EXPECT_EQ(Judge({6, 0, 1, 2}), MatchVerdict::kWrong);
}

TEST(ExactMatchTest, BlanksAtBothEndsDoNotCount) {
  EXPECT_EQ(Judge({5, 5, 0, 1, 2, 5, 6}), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 1, 2, 6}, 20, " 14:30 "), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 5, 1, 2, 6}), MatchVerdict::kWrong);
}

TEST(ExactMatchTest, OtherPiecesMayMakeTheSameText) {
  EXPECT_EQ(Judge({0, 1, 3, 4, 6}), MatchVerdict::kRight);
}

TEST(ExactMatchTest, ATextIsOpenAsLongAsItCanBecomeTheAnswer) {
  EXPECT_EQ(Judge({}), MatchVerdict::kOpen);
  EXPECT_EQ(Judge({5}), MatchVerdict::kOpen);
  EXPECT_EQ(Judge({0, 1}), MatchVerdict::kOpen);
  EXPECT_EQ(Judge({0, 1, 2}), MatchVerdict::kOpen) << "more digits may follow";
  EXPECT_EQ(Judge({0, 1, 2, 5}), MatchVerdict::kOpen);
  EXPECT_EQ(Judge({0, 1, 2, 4}), MatchVerdict::kWrong);
  EXPECT_EQ(Judge({0, 2}), MatchVerdict::kWrong);
}

TEST(ExactMatchTest, TheCapEndsATextToo) {
  EXPECT_EQ(Judge({0, 1, 2}, 3), MatchVerdict::kRight);
  EXPECT_EQ(Judge({0, 1}, 2), MatchVerdict::kWrong);
}

}  // namespace
}  // namespace elm
