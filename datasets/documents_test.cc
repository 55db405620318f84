#include "datasets/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DocumentsTest, TextWithoutSeparatorIsOneDocument) {
  EXPECT_THAT(SplitDocuments("one\n\ntwo\n"), ElementsAre("one\n\ntwo\n"));
}

TEST(DocumentsTest, SeparatorLineEndsADocument) {
  EXPECT_THAT(SplitDocuments("one\n<|endoftext|>\ntwo\nmore\n<|endoftext|>"),
              ElementsAre("one\n", "two\nmore\n"));
  EXPECT_THAT(SplitDocuments("one\r\n<|endoftext|>\r\ntwo"), ElementsAre("one\r\n", "two"));
}

TEST(DocumentsTest, SeparatorInsideALineIsText) {
  EXPECT_THAT(SplitDocuments("one <|endoftext|>\n<|endoftext|> two"),
              ElementsAre("one <|endoftext|>\n<|endoftext|> two"));
}

TEST(DocumentsTest, BlankDocumentsAreDropped) {
  EXPECT_THAT(SplitDocuments(""), IsEmpty());
  EXPECT_THAT(SplitDocuments(" \r\n\t\n"), IsEmpty());
  EXPECT_THAT(SplitDocuments("<|endoftext|>\n \n<|endoftext|>\nx"), ElementsAre("x"));
}

TEST(DocumentsTest, ByteOrderMarkIsNoText) {
  EXPECT_THAT(SplitDocuments("\xEF\xBB\xBFone"), ElementsAre("one"));
  EXPECT_THAT(SplitDocuments("\xEF\xBB\xBF<|endoftext|>\none"), ElementsAre("one"));
}

}  // namespace
}  // namespace elm
