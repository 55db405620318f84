#include "datasets/instructions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::HasSubstr;

TEST(Instructions, AnArrayAndLinesGiveTheSame) {
  const auto array = ParseInstructions(
      R"([{"instruction": "Add.", "input": "1 and 2", "output": "3"},
          {"instruction": "Greet.", "input": "", "output": "Hello", "source": "made up"}])",
      "rows.json");
  const auto lines = ParseInstructions(
      "{\"instruction\": \"Add.\", \"input\": \"1 and 2\", \"output\": \"3\"}\n"
      "{\"instruction\": \"Greet.\", \"output\": \"Hello\"}\n",
      "rows.jsonl");
  ASSERT_TRUE(array.ok()) << array.status().message();
  ASSERT_TRUE(lines.ok()) << lines.status().message();
  EXPECT_EQ(*array, *lines);
  ASSERT_EQ(array->size(), 2U);
  EXPECT_THAT((*array)[0].prompt, HasSubstr("### Input:\n1 and 2\n\n### Response:\n"));
  EXPECT_EQ((*array)[0].response, "3");
  EXPECT_THAT((*array)[1].prompt, ::testing::Not(HasSubstr("### Input")));
}

TEST(Instructions, ARowWithoutOutputIsNamed) {
  const auto missing = ParseInstructions("{\"instruction\": \"Add.\"}\n", "rows.jsonl");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), HasSubstr("rows.jsonl:1"));
  EXPECT_THAT(missing.status().message(), HasSubstr("output"));
}

TEST(Instructions, NoRowsAreRefused) {
  EXPECT_FALSE(ParseInstructions("[]", "empty.json").ok());
  EXPECT_FALSE(ParseInstructions("", "empty.jsonl").ok());
}

}  // namespace
}  // namespace elm
