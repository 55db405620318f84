#include "formats/base/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace elm {
namespace {

TEST(EditDistance, CountsSingleEdits) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("", "ab"), 2U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance("level", "leval"), 1U);
}

TEST(Suggestion, NamesTheClosestOrNothing) {
  const std::vector<std::string> names = {"--level", "--seed", "--top-k", "--top-p"};
  EXPECT_EQ(Suggestion("--levle", names), "; did you mean --level?");
  EXPECT_EQ(Suggestion("--sed", names), "; did you mean --seed?");
  EXPECT_EQ(Suggestion("--colour", names), "");
  EXPECT_EQ(Suggestion("--level", {}), "");
}

}  // namespace
}  // namespace elm
