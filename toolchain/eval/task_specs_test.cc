#include "toolchain/eval/task_specs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TaskSpecsTest, CommasSeparateSpecsButNotFamilies) {
  const TaskSpecs specs = ParseTaskSpecs({"pocket:app,fact,arc:easy.json,ppl:wiki.txt", "q.jsonl"});
  EXPECT_THAT(specs.tasks, ElementsAre("pocket:app,fact", "arc:easy.json", "q.jsonl"));
  EXPECT_THAT(specs.texts, ElementsAre("wiki.txt"));
  EXPECT_THAT(ParseTaskSpecs({"pocket,ppl:a,ppl:b"}).tasks, ElementsAre("pocket"));
  // A file of that name is not behind "pocket:".
  EXPECT_THAT(ParseTaskSpecs({"pocket,app"}).tasks, ElementsAre("pocket", "app"));
}

std::string Refusal(const std::vector<std::string>& arguments) {
  try {
    (void)ParseTaskSpecs(arguments);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TaskSpecsTest, MalformedSpecsAreRefused) {
  EXPECT_THAT(Refusal({""}), HasSubstr("empty name"));
  EXPECT_THAT(Refusal({"pocket,,q.jsonl"}), HasSubstr("empty name"));
  EXPECT_THAT(Refusal({"pocket,"}), HasSubstr("empty name"));
  EXPECT_THAT(Refusal({"ppl:"}), HasSubstr("ppl:FILE"));
  EXPECT_THAT(Refusal({"q.jsonl", "q.jsonl"}), HasSubstr("q.jsonl twice"));
  EXPECT_THAT(Refusal({"ppl:a/wiki.txt,ppl:b/wiki.txt"}), HasSubstr("wiki.txt twice"));
}

TEST(TaskSpecsTest, ReportsLeaveFoldersOut) {
  EXPECT_EQ(SpecName("pocket:app,fact"), "pocket:app,fact");
  EXPECT_EQ(SpecName("arc:/data/sets/easy.json"), "arc:easy.json");
  EXPECT_EQ(SpecName("/data/q.jsonl"), "q.jsonl");
  EXPECT_EQ(SpecName("../c:d/q.jsonl"), "q.jsonl");
}

}  // namespace
}  // namespace elm
