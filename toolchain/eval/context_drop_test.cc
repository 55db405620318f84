#include "toolchain/eval/context_drop.h"

#include <gtest/gtest.h>

#include "toolchain/base/error.h"

namespace elm {
namespace {

Task TenWords() {
  Task task;
  task.id = "t-1";
  task.task = "family";
  task.instructions = "keep all of this";
  task.context = {"a b c d e", "f g h i j"};
  task.question = "and this";
  task.answer = "yes";
  task.needed_words = {{1}, {0, 4}};
  return task;
}

size_t ContextWords(const Task& task) {
  size_t words = 0;
  for (const std::string& part : task.context) words += SplitWords(part).size();
  return words;
}

TEST(ContextDropTest, NamesAreReadBack) {
  for (const DropKind kind : {DropKind::kNone, DropKind::kRandom, DropKind::kUnneeded}) {
    EXPECT_EQ(ParseDropKind(DropKindName(kind)), kind);
  }
  EXPECT_FALSE(ParseDropKind("all"));
}

TEST(ContextDropTest, OnlyTheContextLosesWords) {
  const Task task = TenWords();
  EXPECT_EQ(DropContextWords(task, {}).context, task.context);
  const Task half = DropContextWords(task, {.kind = DropKind::kRandom, .keep = 0.5});
  EXPECT_EQ(ContextWords(half), 5U);
  EXPECT_EQ(half.instructions, task.instructions);
  EXPECT_EQ(half.question, task.question);
  EXPECT_EQ(half.answer, task.answer);
  EXPECT_TRUE(Validate(half).ok());
}

TEST(ContextDropTest, NeededWordsStayWhenAsked) {
  const Task half = DropContextWords(TenWords(), {.kind = DropKind::kUnneeded, .keep = 0.3});
  EXPECT_EQ(half.context, (std::vector<std::string>{"b", "f j"}));
}

TEST(ContextDropTest, EveryTaskDrawsItsOwnWords) {
  const ContextDrop drop = {.kind = DropKind::kRandom, .keep = 0.5};
  size_t different = 0;
  for (int i = 0; i < 20; ++i) {
    Task task = TenWords();
    task.id = StrCat("t-", i);
    EXPECT_EQ(DropContextWords(task, drop).context, DropContextWords(task, drop).context);
    different += DropContextWords(task, drop).context != DropContextWords(TenWords(), drop).context;
  }
  EXPECT_GT(different, 10U);
}

TEST(ContextDropTest, UnmarkedTasksCannotKeepWhatTheyNeed) {
  Task task = TenWords();
  task.needed_words.clear();
  try {
    (void)DropContextWords(task, {.kind = DropKind::kUnneeded, .keep = 0.5});
    FAIL() << "dropped words that may be needed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("task t-1: does not mark"), std::string::npos);
  }
}

}  // namespace
}  // namespace elm
