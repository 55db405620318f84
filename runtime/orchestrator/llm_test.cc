#include "runtime/orchestrator/llm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/engine/testing/tiny_model.h"
#include "runtime/engine/testing/tiny_tokenizer.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

TEST(LlmTokenCounterTest, CountsAsGenerateDoes) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok());
  const auto session = Session::Create(*model, {});
  ASSERT_TRUE(session.ok());
  const auto llm = MakeSessionLlm(**session);
  ASSERT_TRUE(llm.ok());
  for (const char* text : {"the hen", "", "an \u00e9 [call]", "  a\n\nb"}) {
    const auto result = Generate(**session, text, {.max_tokens = 1});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ((*llm)->counter().Count(text), result->prompt_ids.size()) << text;
  }
  EXPECT_EQ((*llm)->context(), 80U);
}

TEST(LlmTokenCounterTest, TokensEndWhereTheirBytesDo) {
  const auto tokenizer = Tokenizer::Load(testing::TinyTokenizerModel());
  ASSERT_TRUE(tokenizer.ok());
  const LlmTokenCounter counter(**tokenizer, {});
  EXPECT_THAT(counter.TokenEnds("the an b"), ElementsAre(3, 6, 7, 8));
  EXPECT_THAT(counter.TokenEnds("\u00e9"), ElementsAre(0, 1, 2));  // the space in front, two bytes
  EXPECT_THAT(counter.TokenEnds(""), ElementsAre());
}

TEST(SessionLlmTest, SwitchesAndAnswers) {
  const auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok());
  const auto session = Session::Create(*model, {});
  ASSERT_TRUE(session.ok());
  const auto llm = MakeSessionLlm(**session);
  ASSERT_TRUE(llm.ok());
  ASSERT_TRUE((*llm)->SetLevel(300).ok());
  EXPECT_EQ((*session)->level(), 0U);
  EXPECT_FALSE((*llm)->SetLevel(400).ok());
  const auto result = (*llm)->Generate("the", {.max_tokens = 3, .ignore_stop = true}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ids.size(), 3U);
}

TEST(SessionLlmTest, NeedsATokenizer) {
  BundleContents contents = testing::SmallContents();
  contents.tokenizer_model.clear();
  const auto model = testing::LoadSmallModel(contents);
  ASSERT_TRUE(model.ok());
  const auto session = Session::Create(*model, {});
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(MakeSessionLlm(**session).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace elm
