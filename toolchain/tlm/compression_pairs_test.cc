#include "toolchain/tlm/compression_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CompressionPairsTest, WordsOfTheCompressionAreKept) {
  EXPECT_THAT(
      AlignCompression("Well, the Council will meet on Monday, yes.", "council meet Monday"),
      ElementsAre(0, 0, 1, 0, 1, 0, 1, 0));
}

TEST(CompressionPairsTest, AWordIsFoundBehindTheLastOne) {
  EXPECT_THAT(AlignCompression("the dog the cat the end", "dog the end"),
              ElementsAre(0, 1, 1, 0, 0, 1));
  EXPECT_THAT(AlignCompression("a b c", "z"), ElementsAre(0, 0, 0));
  EXPECT_THAT(AlignCompression("a b c d", "d", /*window=*/2), ElementsAre(0, 0, 0, 0));
  EXPECT_TRUE(AlignCompression("", "a").empty());
}

class PairFileTest : public ::testing::Test {
 protected:
  Result<std::vector<CompressionPair>> Read(const std::string& text) {
    const std::string path = ::testing::TempDir() + "pairs.json";
    std::ofstream(path) << text;
    auto pairs = ReadCompressionPairs(path);
    std::remove(path.c_str());
    return pairs;
  }
};

TEST_F(PairFileTest, BothFormsAreRead) {
  const auto lines = Read(
      "{\"origin\": \"a b c\", \"compressed\": \"a c\"}\n\n"
      "{\"text\": \"d e\", \"compressed_prompt\": \"e\", \"question\": \"what?\"}\n");
  ASSERT_TRUE(lines.ok()) << lines.status().ToString();
  ASSERT_EQ(lines->size(), 2U);
  EXPECT_THAT((*lines)[0].keep, ElementsAre(1, 0, 1));
  EXPECT_EQ((*lines)[1].question, "what?");
  const auto list = Read("[{\"prompt\": [\"a b\", \"c d\"], \"compressed\": [\"a\", \"d\"]}]");
  ASSERT_TRUE(list.ok()) << list.status().ToString();
  ASSERT_EQ(list->size(), 2U);
  EXPECT_THAT((*list)[1].keep, ElementsAre(0, 1));
}

TEST_F(PairFileTest, BadRowsAreNamed) {
  EXPECT_THAT(
      Read("{\"origin\": \"a\", \"compressed\": \"a\"}\n{\"origin\": \"a\"}\n").status().message(),
      HasSubstr("pairs.json:2: compressed is missing"));
  EXPECT_THAT(Read("{\"origin\": 3, \"compressed\": \"a\"}").status().message(),
              HasSubstr("origin is 3"));
  EXPECT_THAT(Read("[{\"origin\": [\"a\", \"b\"], \"compressed\": [\"a\"]}]").status().message(),
              HasSubstr("2 texts and 1"));
  EXPECT_THAT(Read("").status().message(), HasSubstr("no compression pairs"));
  EXPECT_THAT(Read("{\"origin\": ").status().message(), HasSubstr("pairs.json:1"));
}

}  // namespace
}  // namespace elm
