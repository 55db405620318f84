#include "toolchain/eval/task_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

std::vector<uint32_t> Letters(std::string_view text) { return {text.begin(), text.end()}; }

TaskSetOptions Options(uint32_t context = 100) {
  TaskSetOptions options;
  options.encode = Letters;
  options.bos = 1;
  options.context = context;
  return options;
}

Task MakeTask(const std::string& family, const std::string& id,
              const std::vector<std::string>& options) {
  Task task;
  task.id = id;
  task.task = family;
  task.question = "why";
  task.options = options;
  task.answer = options.empty() ? "so" : options.back();
  return task;
}

// Two families in turn, as the built-in world gives them: of 2 and 4 options, and of free answers.
std::vector<Task> Mixed() {
  return {MakeTask("choice", "c-0", {"a", "b"}), MakeTask("free", "f-0", {}),
          MakeTask("choice", "c-1", {"a", "b", "c", "d"}), MakeTask("free", "f-1", {})};
}

std::string Refusal(const std::vector<std::pair<std::string, std::vector<Task>>>& sources,
                    const TaskSetOptions& options) {
  try {
    (void)MakeTaskSet(sources, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TaskSetTest, TasksAreSortedByFamilyAndKnowTheirChance) {
  const TaskSet set = MakeTaskSet({{"mixed.jsonl", Mixed()}}, Options());
  ASSERT_EQ(set.families.size(), 2U);
  EXPECT_EQ(set.families[0].name, "choice");
  EXPECT_EQ(set.families[0].source, "mixed.jsonl");
  EXPECT_EQ(set.families[0].items(), 2U);
  EXPECT_DOUBLE_EQ(set.families[0].chance, (0.5 + 0.25) / 2);
  EXPECT_EQ(set.families[1].begin, 2U);
  EXPECT_EQ(set.families[1].chance, 0);
  EXPECT_EQ(set.tasks[1].id, "c-1");
  EXPECT_EQ(set.requests[1].continuations.size(), 4U);
  EXPECT_EQ(set.tasks[2].id, "f-0");
}

TEST(TaskSetTest, TheHashIsThatOfTheTasks) {
  const TaskSet set = MakeTaskSet({{"mixed.jsonl", Mixed()}}, Options());
  TaskSetOptions changed = Options();
  changed.change = [](const Task& task) {
    Task other = task;
    other.context.clear();
    other.question = "how";
    return other;
  };
  const TaskSet shortened = MakeTaskSet({{"other.jsonl", Mixed()}}, changed);
  EXPECT_EQ(shortened.families[0].hash, set.families[0].hash) << "results are still of one item";
  EXPECT_EQ(shortened.tasks[0].question, "how");
  EXPECT_NE(shortened.requests[0].prompt, set.requests[0].prompt);

  std::vector<Task> edited = Mixed();
  edited[0].answer = "a";
  const TaskSet other = MakeTaskSet({{"mixed.jsonl", edited}}, Options());
  EXPECT_NE(other.families[0].hash, set.families[0].hash);
  EXPECT_EQ(other.families[1].hash, set.families[1].hash);
  EXPECT_THAT(set.families[0].hash, ::testing::MatchesRegex("xxh3:[0-9a-f]{16}"));
}

TEST(TaskSetTest, ALimitTakesTheFirstTasksOfEachFamily) {
  TaskSetOptions options = Options();
  options.limit = 1;
  const TaskSet set = MakeTaskSet({{"mixed.jsonl", Mixed()}}, options);
  ASSERT_EQ(set.tasks.size(), 2U);
  EXPECT_EQ(set.tasks[0].id, "c-0");
  EXPECT_EQ(set.tasks[1].id, "f-0");
}

TEST(TaskSetTest, ATaskBeyondTheContextIsNamedOrSkipped) {
  std::vector<Task> tasks = Mixed();
  tasks[2].context = {std::string(80, 'x')};
  // BOS, 80, line end, "Q: why\nA:", " d".
  EXPECT_EQ(Refusal({{"mixed.jsonl", tasks}}, Options(92)),
            "task c-1: prompt and longest answer have 93 tokens, the model's context holds 92; "
            "--skip-long leaves such tasks out");
  EXPECT_EQ(Refusal({{"mixed.jsonl", tasks}}, Options(93)), "no error");

  TaskSetOptions skip = Options(92);
  skip.skip_long = true;
  const TaskSet set = MakeTaskSet({{"mixed.jsonl", tasks}}, skip);
  EXPECT_EQ(set.families[0].skipped, 1U);
  EXPECT_EQ(set.families[0].items(), 1U);
  EXPECT_EQ(set.families[0].chance, 0.5);
  EXPECT_EQ(set.families[1].skipped, 0U);
  skip.context = 12;
  EXPECT_THAT(Refusal({{"mixed.jsonl", tasks}}, skip), HasSubstr("none of its 2 tasks fits"));
}

TEST(TaskSetTest, AFamilyHasOneSource) {
  EXPECT_THAT(Refusal({{"a.jsonl", Mixed()}, {"b.jsonl", Mixed()}}, Options()),
              HasSubstr("family choice comes from both a.jsonl and b.jsonl"));
}

TEST(TaskSetTest, ThreadsChangeNothing) {
  TaskSetOptions threads = Options();
  threads.threads = 4;
  const TaskSet set = MakeTaskSet({{"mixed.jsonl", Mixed()}}, Options());
  const TaskSet other = MakeTaskSet({{"mixed.jsonl", Mixed()}}, threads);
  for (size_t i = 0; i < set.tasks.size(); ++i) {
    EXPECT_EQ(set.requests[i].prompt, other.requests[i].prompt);
    EXPECT_EQ(set.requests[i].continuations, other.requests[i].continuations);
  }
}

}  // namespace
}  // namespace elm
