#include "datasets/task_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "formats/base/mapped_file.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kGoodLine[] = R"({"id": "a", "task": "t", "question": "q?", "answer": "x"})";

Task FullTask() {
  Task task;
  task.id = "t-1";
  task.task = "t";
  task.split = "validation";
  task.instructions = "Read \"this\"\tor that.";
  task.context = {"Kim has a kite", "", "caf\u00e9 \U0001F600 \\ /\n\x01"};
  task.question = "What?";
  task.options = {"a kite", "a car"};
  task.answer = "a car";
  task.slo = TaskSlo{0.1, std::nextafter(1.0 / 3, 1.0)};
  task.difficulty = std::nextafter(0.3, 1.0);
  task.tags = {"distractors=9", "pair=a|b"};
  task.needed_words = {{0, 3}, {}, {1}};
  return task;
}

// The message that refuses these lines.
std::string Refusal(const std::string& text) {
  const Result<std::vector<Task>> tasks = ParseTasks(text, "f");
  EXPECT_FALSE(tasks.ok());
  EXPECT_EQ(tasks.status().code(), StatusCode::kCorruption);
  return tasks.status().message();
}

// A row with one more field.
std::string With(const std::string& field) {
  return std::string(kGoodLine, sizeof kGoodLine - 2) + ", " + field + "}";
}

TEST(TaskFileTest, TasksComeBackAsTheyWere) {
  const Task full = FullTask();
  Task bare;
  bare.id = "t-2";
  bare.task = "t";
  bare.context = {"the end of a text"};
  bare.answer = "here";
  const testing::TemporaryDirectory folder;
  const std::string path = folder.Path("tasks.jsonl");
  Result<TaskFileWriter> writer = TaskFileWriter::Create(path);
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  for (const Task& task : {full, bare}) ASSERT_TRUE(writer->Add(task).ok());
  EXPECT_THAT(folder.Entries(), Not(::testing::Contains("tasks.jsonl"))) << "not yet committed";
  ASSERT_TRUE(writer->Commit().ok());
  const Result<std::vector<Task>> tasks = ReadTaskFile(path);
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  EXPECT_EQ(*tasks, (std::vector<Task>{full, bare}));

  // Written again, it is the same file.
  const std::string first = TaskLine((*tasks)[0]).value() + "\n";
  EXPECT_EQ(ReadFile(path, 1 << 20).value(), first + TaskLine((*tasks)[1]).value() + "\n");
}

TEST(TaskFileTest, DefaultsAreLeftOutAndComeBack) {
  const Result<std::vector<Task>> tasks = ParseTasks(kGoodLine, "f");
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  EXPECT_EQ(TaskLine(tasks->front()).value(),
            R"({"id":"a","task":"t","question":"q?","answer":"x"})");
  Task expected;
  expected.id = "a";
  expected.task = "t";
  expected.question = "q?";
  expected.answer = "x";
  EXPECT_EQ(tasks->front(), expected);
  const Result<std::vector<Task>> nulls = ParseTasks(With(R"("slo": null, "tags": null)"), "f");
  ASSERT_TRUE(nulls.ok()) << nulls.status().ToString();
  EXPECT_EQ(nulls->front(), expected);
}

TEST(TaskFileTest, DemandsMayNameOneShare) {
  const Result<std::vector<Task>> tasks = ParseTasks(With(R"("slo": {"tpot": 0.5})"), "f");
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  EXPECT_EQ(tasks->front().slo, (TaskSlo{1, 0.5}));
}

TEST(TaskFileTest, RowsThatAreNoTasksAreRefusedByLine) {
  const std::string good = std::string(kGoodLine) + "\n";
  EXPECT_THAT(Refusal(good + "{\"id\": \"b\""), HasSubstr("f:2: not valid JSON at byte"));
  EXPECT_THAT(Refusal(good + "\n[]\n"), HasSubstr("f:3: is [], expected a JSON object"));
  EXPECT_THAT(Refusal(good + R"({"id": "b", "task": "t", "question": "q?"})"),
              HasSubstr("f:2: answer is missing"));
  EXPECT_THAT(Refusal(good + R"({"task": "t", "question": "q?", "answer": "x"})"),
              HasSubstr("f:2: id is missing"));
  EXPECT_THAT(Refusal(good + good), HasSubstr("f:2: id \"a\" occurs twice, first at f:1"));
  EXPECT_THAT(Refusal(good + "{\"id\": \"\xC3\"}"), HasSubstr("f:2: not UTF-8 at byte 8"));
  EXPECT_THAT(Refusal(""), HasSubstr("f: holds no task"));
  EXPECT_THAT(Refusal("\n \n"), HasSubstr("f: holds no task"));
}

TEST(TaskFileTest, FieldsOfTheWrongKindAreNamed) {
  EXPECT_THAT(Refusal(With(R"("qestion": "q")")),
              HasSubstr("f:1: unknown key \"qestion\"; did you mean question?"));
  EXPECT_THAT(Refusal(With(R"("split": 3)")), HasSubstr("f:1: split is 3, expected a string"));
  EXPECT_THAT(Refusal(With(R"("context": "one part")")),
              HasSubstr("f:1: context is \"one part\", expected a list of strings"));
  EXPECT_THAT(Refusal(With(R"("options": ["x", 2])")),
              HasSubstr("f:1: options is [\"x\",2], expected a list of strings"));
  EXPECT_THAT(Refusal(With(R"("options": ["y", "z"])")),
              HasSubstr("f:1: answer \"x\" is not among the 2 options"));
  EXPECT_THAT(Refusal(With(R"("difficulty": "hard")")),
              HasSubstr("f:1: difficulty is \"hard\", expected a number"));
  EXPECT_THAT(Refusal(With(R"("difficulty": 2)")), HasSubstr("f:1: difficulty is 2"));
  EXPECT_THAT(Refusal(With(R"("slo": [1, 1])")),
              HasSubstr("f:1: slo is [1,1], expected an object"));
  EXPECT_THAT(Refusal(With(R"("slo": {"tftt": 1})")),
              HasSubstr("f:1: slo: unknown key \"tftt\"; did you mean ttft?"));
  EXPECT_THAT(Refusal(With(R"("slo": {"ttft": 0})")), HasSubstr("f:1: slo.ttft is 0"));
  EXPECT_THAT(Refusal(With(R"("context": ["a b"], "needed_words": [[-1]])")),
              HasSubstr("f:1: needed_words is [[-1]], expected a list of word numbers"));
  EXPECT_THAT(Refusal(With(R"("context": ["a b"], "needed_words": [[2]])")),
              HasSubstr("f:1: needed_words[0] names word 2 of a part of 2 words"));
  EXPECT_THAT(Refusal(With(R"("tags": "free")")), HasSubstr("f:1: tags is \"free\""));
}

// Whatever becomes of a byte, the file is refused in one line, or read as valid tasks.
TEST(TaskFileTest, DamagedFilesAreRefusedOrReadAsTasks) {
  const std::string good = TaskLine(FullTask()).value() + "\n" + kGoodLine + "\n";
  const auto check = [](const std::string& text) {
    const Result<std::vector<Task>> tasks = ParseTasks(text, "f");
    if (!tasks.ok()) {
      EXPECT_EQ(tasks.status().message().find('\n'), std::string::npos);
      return;
    }
    for (const Task& task : *tasks) EXPECT_TRUE(Validate(task).ok());
  };
  for (size_t at = 0; at < good.size(); ++at) {
    check(good.substr(0, at));
    for (const char byte : {'\0', '\n', '"', '}', ',', '\xFF', '9'}) {
      std::string damaged = good;
      damaged[at] = byte;
      check(damaged);
    }
  }
}

TEST(TaskFileTest, WhatCouldNotBeReadBackIsNotWritten) {
  Task task = FullTask();
  task.context[0] = "four words of bytes \xFF";
  EXPECT_THAT(TaskLine(task).status().message(), HasSubstr("task \"t-1\": holds text that is not"));
  task = FullTask();
  task.answer = "a bus";
  EXPECT_THAT(TaskLine(task).status().message(), HasSubstr("task \"t-1\": answer \"a bus\""));
}

TEST(TaskFileTest, UnwritablePathsAreRefusedAndLeaveNothing) {
  const testing::TemporaryDirectory folder;
  EXPECT_FALSE(TaskFileWriter::Create(folder.Path("none/tasks.jsonl")).ok());
  {
    Result<TaskFileWriter> writer = TaskFileWriter::Create(folder.Path("tasks.jsonl"));
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->Add(FullTask()).ok());
  }
  EXPECT_THAT(folder.Entries(), IsEmpty());
  EXPECT_EQ(ReadTaskFile(folder.Path("none.jsonl")).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace elm
