#include "datasets/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "datasets/prompt.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Task Sample() {
  Task task;
  task.id = "t-1";
  task.task = "t";
  task.context = {"Kim has a red kite", "Bo is late"};
  task.question = "What is red?";
  task.options = {"a kite", "a car"};
  task.answer = "a kite";
  task.needed_words = {{0, 3, 4}, {}};
  return task;
}

TEST(TaskTest, ValidTasksAreAccepted) {
  EXPECT_TRUE(Validate(Sample()).ok());
  Task exact = Sample();
  exact.options.clear();
  exact.needed_words.clear();
  exact.question.clear();
  exact.slo = TaskSlo{0.4, 1.0};
  EXPECT_TRUE(Validate(exact).ok());
  EXPECT_EQ(AnswerIndex(Sample()), 0U);
}

TEST(TaskTest, EveryRuleNamesItsField) {
  struct Case {
    const char* message;
    void (*spoil)(Task&);
  };
  const Case cases[] = {
      {"id is empty", [](Task& t) { t.id = ""; }},
      {"task is empty", [](Task& t) { t.task = ""; }},
      {"answer is missing or empty", [](Task& t) { t.answer = ""; }},
      {"answer \"a bus\" is not among the 2 options", [](Task& t) { t.answer = "a bus"; }},
      {"options has a single entry", [](Task& t) { t.options = {"a kite"}; }},
      {"options holds the same text twice", [](Task& t) { t.options.push_back("a car"); }},
      {"options holds an empty text", [](Task& t) { t.options.push_back(""); }},
      {"question and context are both empty",
       [](Task& t) { t.question = "", t.context = {}, t.needed_words = {}; }},
      {"difficulty is 1.5", [](Task& t) { t.difficulty = 1.5; }},
      {"difficulty is nan",
       [](Task& t) { t.difficulty = std::numeric_limits<double>::quiet_NaN(); }},
      {"slo.ttft is 0,",
       [](Task& t) {
         t.slo = TaskSlo{0, 1};
       }},
      {"slo.tpot is 1.1,",
       [](Task& t) {
         t.slo = TaskSlo{1, 1.1};
       }},
      {"needed_words has 1 entries", [](Task& t) { t.needed_words.pop_back(); }},
      {"needed_words[0] is not ascending",
       [](Task& t) {
         t.needed_words[0] = {3, 3};
       }},
      {"needed_words[1] names word 3 of a part of 3 words",
       [](Task& t) { t.needed_words[1] = {3}; }},
  };
  for (const Case& spoilt : cases) {
    Task task = Sample();
    spoilt.spoil(task);
    EXPECT_THAT(Validate(task).message(), HasSubstr(spoilt.message));
  }
}

TEST(TaskTest, WordsStandBetweenWhiteSpace) {
  EXPECT_THAT(SplitWords("  a bc\td\n e,f "), ElementsAre("a", "bc", "d", "e,f"));
}

TEST(PromptTest, PartsStandInTheirOwnLines) {
  Task task = Sample();
  task.instructions = "Read this.";
  EXPECT_EQ(PromptText(task), "Read this.\nKim has a red kite\nBo is late\nQ: What is red?\nA:");
  EXPECT_EQ(AnswerText(task.answer), " a kite");
  EXPECT_EQ(ContextText(task) + QuestionText(task), PromptText(task));
}

TEST(PromptTest, EmptyFieldsLeaveNoLine) {
  Task task = Sample();
  task.context.clear();
  EXPECT_EQ(PromptText(task), "Q: What is red?\nA:");
  task = Sample();
  task.question.clear();
  task.context = {"Bo is", "", "late and"};
  EXPECT_EQ(PromptText(task), "Bo is\nlate and");
}

}  // namespace
}  // namespace elm
