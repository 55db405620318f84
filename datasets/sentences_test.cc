#include "datasets/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/status.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SentencesTest, EndMarksEndSentences) {
  EXPECT_THAT(SplitSentences("It rains. Does it? Yes!  So it goes"),
              ElementsAre("It rains.", "Does it?", "Yes!", "So it goes"));
  EXPECT_THAT(SplitSentences("Really?! Well... Yes."), ElementsAre("Really?!", "Well...", "Yes."));
}

TEST(SentencesTest, QuotesAndBracketsThatCloseBelongToTheirSentence) {
  EXPECT_THAT(
      SplitSentences("He said \"no.\" She left. (They met.) \u201cFine.\u201d End."),
      ElementsAre("He said \"no.\"", "She left.", "(They met.)", "\u201cFine.\u201d", "End."));
}

TEST(SentencesTest, NumbersInitialsAndAbbreviationsEndNone) {
  EXPECT_THAT(
      SplitSentences("Pi is 3.14 here. Dr. Ott and J. Kay of the U.S. Navy met, e.g. Ann."),
      ElementsAre("Pi is 3.14 here.", "Dr. Ott and J. Kay of the U.S. Navy met, e.g. Ann."));
  EXPECT_THAT(SplitSentences("at 5 p.m. on a bus. Next"),
              ElementsAre("at 5 p.m. on a bus.", "Next"));
}

TEST(SentencesTest, LineEndsEndSentences) {
  EXPECT_THAT(SplitSentences(" a title\n\n  and text \r\n"), ElementsAre("a title", "and text"));
}

TEST(SentencesTest, BlankTextHasNone) {
  EXPECT_THAT(SplitSentences(""), IsEmpty());
  EXPECT_THAT(SplitSentences(" \n\t"), IsEmpty());
  EXPECT_THAT(SplitSentences("..."), ElementsAre("..."));
}

TEST(SentencesTest, NothingButWhiteSpaceIsLost) {
  constexpr std::string_view kText = "A b. \"C d!\" e f? G (h.) i.\nJ k";
  std::string joined;
  for (const std::string_view sentence : SplitSentences(kText)) {
    joined += StrCat(joined.empty() ? "" : " ", sentence);
  }
  EXPECT_EQ(joined, "A b. \"C d!\" e f? G (h.) i. J k");
}

}  // namespace
}  // namespace elm
