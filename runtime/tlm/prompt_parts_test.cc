#include "runtime/tlm/prompt_parts.h"

#include <gtest/gtest.h>

namespace elm {
namespace {

std::vector<PromptPart> Parts() {
  return {{PartRole::kSystem, "Be brief."},         {PartRole::kInstructions, "Choose the app."},
          {PartRole::kContext, "Mail: read mail"},  {PartRole::kContext, ""},
          {PartRole::kContext, "Maps: find a way"}, {PartRole::kQuestion, "Where is home?"}};
}

TEST(PromptPartsTest, OneBehindTheOtherAndNothingForEmptyOnes) {
  EXPECT_EQ(RenderPrompt({}, Parts()),
            "Be brief.\nChoose the app.\nMail: read mail\nMaps: find a way\nQ: Where is home?\nA:");
  EXPECT_EQ(RenderPrompt({}, {}), "");
  const std::vector<PromptPart> context = {{PartRole::kContext, "Once upon"}};
  EXPECT_EQ(RenderPrompt({}, context), "Once upon");
  const std::vector<PromptPart> question = {{PartRole::kQuestion, "Why?"}};
  EXPECT_EQ(RenderPrompt({}, question), "Q: Why?\nA:");
}

TEST(PromptPartsTest, TheTemplateDecides) {
  const PromptTemplate prompt = {
      .question_prefix = "<user>", .question_suffix = "</user>", .joiner = " | "};
  EXPECT_EQ(RenderPrompt(prompt, Parts()),
            "Be brief. | Choose the app. | Mail: read mail | Maps: find a way | "
            "<user>Where is home?</user>");
}

TEST(PromptPartsTest, WhatTheTinyLmReads) {
  EXPECT_EQ(JoinContext(Parts()), "Mail: read mail\n\nMaps: find a way");
  EXPECT_EQ(JoinQuestion(Parts()), "Where is home?");
  EXPECT_EQ(JoinContext({}), "");
}

}  // namespace
}  // namespace elm
