#include "toolchain/trace/baseline_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "toolchain/base/error.h"
#include "toolchain/eval/task_set.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

constexpr size_t kTasks = 10;

std::vector<Task> Tasks() {
  std::vector<Task> tasks;
  for (size_t i = 0; i < kTasks; ++i) {
    Task task;
    task.id = StrCat("n", i);
    task.task = "notes";
    task.question = StrCat("Where is ", i, "?");
    task.options = {"hall", "attic"};
    task.answer = "hall";
    tasks.push_back(task);
  }
  return tasks;
}

std::string HashOfFirst(const std::vector<Task>& tasks, size_t count) {
  std::vector<const Task*> first;
  for (size_t i = 0; i < count; ++i) first.push_back(&tasks[i]);
  return HashTasks(first);
}

// At 0.5 right on even tasks, at 1.0 on all.
EvalReport Report(const std::vector<Task>& tasks, size_t count) {
  EvalReport report;
  EvalFamily& family = report.families.emplace_back();
  family.name = "notes";
  family.items = count;
  family.hash = HashOfFirst(tasks, count);
  FamilyScore half;
  for (size_t i = 0; i < count; ++i) half.correct.push_back(i % 2 == 0);
  report.levels.resize(2);
  report.levels[0].name_permille = 500;
  report.levels[0].reached_share = 0.48;
  report.levels[0].families = {half};
  report.levels[1].name_permille = 1000;
  report.levels[1].reached_share = 1;
  report.levels[1].families = {{.correct = std::vector<bool>(count, true)}};
  return report;
}

TEST(BaselineAnswersTest, LooksItemsUp) {
  const std::vector<Task> tasks = Tasks();
  const EvalReport report = Report(tasks, kTasks);
  const BaselineAnswers answers(report, "base.json", tasks);
  EXPECT_TRUE(answers.Correct(0, tasks[4]));
  EXPECT_FALSE(answers.Correct(0, tasks[5]));
  EXPECT_TRUE(answers.Correct(1, tasks[5]));
}

TEST(BaselineAnswersTest, ValidationLeavesTheTasksOwnFoldOut) {
  const std::vector<Task> tasks = Tasks();
  const EvalReport report = Report(tasks, kTasks);
  const BaselineAnswers answers(report, "base.json", tasks);
  // Fold 0 holds tasks 0 and 5, one of them right: 4 of the 8 others are.
  EXPECT_DOUBLE_EQ(answers.LevelsFor(tasks[0])[0].accuracy, 0.5);
  EXPECT_DOUBLE_EQ(answers.LevelsFor(tasks[0])[0].share, 0.48);
  EXPECT_DOUBLE_EQ(answers.LevelsFor(tasks[0])[1].accuracy, 1);

  EvalReport lucky = report;
  for (const size_t fold_of_zero : {0U, 5U})
    lucky.levels[0].families[0].correct[fold_of_zero] = true;
  EXPECT_DOUBLE_EQ(BaselineAnswers(lucky, "b", tasks).LevelsFor(tasks[0])[0].accuracy, 0.5)
      << "what it does on this task must not count";
}

TEST(BaselineAnswersTest, RefusesOtherQuestions) {
  const std::vector<Task> tasks = Tasks();
  EvalReport report = Report(tasks, kTasks);
  report.families[0].hash = "xxh3:0";
  try {
    BaselineAnswers(report, "base.json", tasks);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("base.json: was asked other questions"));
  }
  report.families[0].name = "facts";
  EXPECT_THROW(BaselineAnswers(report, "base.json", tasks), Error);
}

TEST(BaselineAnswersTest, FewerTasksWillDoUntilOneIsMissing) {
  const std::vector<Task> tasks = Tasks();
  const EvalReport report = Report(tasks, 6);
  const BaselineAnswers answers(report, "base.json", tasks);
  EXPECT_TRUE(answers.Correct(1, tasks[5]));
  try {
    (void)answers.Correct(1, tasks[6]);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("was not asked task \"n6\""));
  }
}

}  // namespace
}  // namespace elm
