#include "formats/json/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename T>
std::string Message(const Result<T>& result) {
  return result.status().message();
}

TEST(JsonTextTest, WhatIsNotJsonIsFoundByByteAndLine) {
  EXPECT_EQ(Message(ParseJson("{\"a\": 1,}", "f")), "f: not valid JSON at byte 9");
  EXPECT_EQ(Message(ParseJson("{\n\"a\": 1,\n}", "f")), "f: not valid JSON at byte 11 (line 3)");
  EXPECT_THAT(Message(ParseJson("", "f")), HasSubstr("f: not valid JSON"));
  EXPECT_THAT(Message(ParseJson("\n\n", "f")), HasSubstr("f: not valid JSON"));
  EXPECT_THAT(Message(ParseJson("{} {}", "f")), HasSubstr("f: not valid JSON"));
}

TEST(JsonTextTest, TextsIsAListOfStrings) {
  const json object = {{"good", {"a", "b"}}, {"mixed", {"a", 1}}, {"text", "a"}, {"none", nullptr}};
  const JsonFields fields(object, "f:3");
  EXPECT_THAT(fields.Texts("good").value(), ElementsAre("a", "b"));
  EXPECT_THAT(fields.Texts("absent").value(), IsEmpty());
  EXPECT_THAT(fields.Texts("none").value(), IsEmpty());
  EXPECT_EQ(Message(fields.Texts("mixed")), "f:3: mixed is [\"a\",1], expected a list of strings");
  EXPECT_EQ(Message(fields.Texts("text")), "f:3: text is \"a\", expected a list of strings");
}

TEST(JsonTextTest, RequiredTextIsMissedByName) {
  const json object = {{"answer", "x"}, {"number", 3}};
  const JsonFields fields(object, "f:3");
  EXPECT_EQ(fields.Text("answer").value(), "x");
  EXPECT_EQ(Message(fields.Text("question")), "f:3: question is missing");
  EXPECT_EQ(Message(fields.Text("number")), "f:3: number is 3, expected a string");
}

TEST(JsonTextTest, UnknownKeysAreRefusedWithASuggestion) {
  const json object = {{"answer", "x"}, {"qestion", "y"}};
  const JsonFields fields(object, "f:3");
  EXPECT_TRUE(fields.OnlyKeys({"answer", "qestion", "id"}).ok());
  EXPECT_EQ(fields.OnlyKeys({"answer", "question"}).message(),
            "f:3: unknown key \"qestion\"; did you mean question?");
}

}  // namespace
}  // namespace elm
