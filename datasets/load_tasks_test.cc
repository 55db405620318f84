#include "datasets/load_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "datasets/task_file.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Refusal(const std::string& spec, const LoadTasksOptions& options = {}) {
  const Result<std::vector<Task>> tasks = LoadTasks(spec, options);
  EXPECT_FALSE(tasks.ok());
  EXPECT_EQ(tasks.status().message().find('\n'), std::string::npos);
  return tasks.status().message();
}

class LoadTasksTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.Path(name), std::ios::binary) << text;
    return folder_.Path(name);
  }
  testing::TemporaryDirectory folder_;
};

TEST_F(LoadTasksTest, ThePocketWorldIsMadeOnTheFly) {
  const LoadTasksOptions options = {.split = pocket::Split::kValidation, .seed = 7, .count = 3};
  const Result<std::vector<Task>> all = LoadTasks("pocket", options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->size(), 3 * pocket::Families().size());
  std::set<std::string> ids;
  for (const Task& task : *all) {
    EXPECT_TRUE(Validate(task).ok());
    EXPECT_EQ(task.split, "validation");
    EXPECT_TRUE(ids.insert(task.id).second) << task.id;
  }
  const Result<std::vector<Task>> some = LoadTasks("pocket:fact,app,fact", options);
  ASSERT_TRUE(some.ok()) << some.status().ToString();
  ASSERT_EQ(some->size(), 6U);
  EXPECT_EQ((*some)[0].task, "fact");
  EXPECT_EQ((*some)[1].task, "app");
  const uint32_t app = ParseFamilies("app").value().front();
  EXPECT_EQ((*some)[3], pocket::MakeTask({app, pocket::Split::kValidation, 7, 1}));
}

TEST_F(LoadTasksTest, TaskFilesAreRead) {
  std::string text;
  for (const char* id : {"a", "b", "c"}) {
    text += StrCat(R"({"id": ")", id, R"(", "task": "t", "question": "q?", "answer": "x"})", "\n");
  }
  const std::string path = Write("tasks.jsonl", text);
  EXPECT_EQ(LoadTasks(path, {.count = 0}).value().size(), 3U);
  EXPECT_EQ(LoadTasks(path, {.count = 2}).value(),
            (std::vector<Task>{ReadTaskFile(path).value()[0], ReadTaskFile(path).value()[1]}));
  EXPECT_EQ(LoadTasks(path, {}).value().size(), 3U);
}

TEST_F(LoadTasksTest, PublicSetsAreReadByName) {
  const std::string path =
      Write("x.jsonl", "{\"text\": \"one two\"}\n{\"text\": \"three four\"}\n");
  const Result<std::vector<Task>> tasks = LoadTasks("lambada:" + path, {.count = 1});
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  ASSERT_EQ(tasks->size(), 1U);
  EXPECT_EQ(tasks->front().answer, "two");
}

TEST_F(LoadTasksTest, WhatWasRepairedIsNoted) {
  const std::string row =
      R"({"id": "1", "question": {"stem": "q", "choices": [{"text": "x", "label": "A"},)"
      R"({"text": "y", "label": "B"}, {"text": "x", "label": "C"}]}, "answerKey": "B"})";
  const std::string path = Write("arc.jsonl", row);
  std::vector<std::string> notes;
  ASSERT_TRUE(LoadTasks("arc:" + path, {.notes = &notes}).ok());
  EXPECT_THAT(notes, ElementsAre(path + ":1: option left out, it occurs twice"));
  notes.clear();
  ASSERT_TRUE(LoadTasks("pocket:app", {.count = 1, .notes = &notes}).ok());
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(LoadTasksTest, UnknownNamesAreSuggested) {
  EXPECT_THAT(Refusal("pockt"), HasSubstr("did you mean pocket?"));
  EXPECT_THAT(Refusal("openbokqa:x.jsonl"), HasSubstr("did you mean openbookqa?"));
  EXPECT_THAT(Refusal("pocket:ap"), HasSubstr("did you mean app?"));
  EXPECT_THAT(Refusal("pocket:app,"), HasSubstr("\"\""));
  EXPECT_THAT(Refusal("app"), HasSubstr("did you mean pocket:app"));
  EXPECT_THAT(Refusal("screan"), HasSubstr("did you mean screen? Families of"));
  EXPECT_THAT(Refusal("arc"), HasSubstr("give arc:FILE"));
  EXPECT_THAT(Refusal("somethingelse"), HasSubstr("elmc dataset list"));
}

TEST_F(LoadTasksTest, BadFilesAreNamed) {
  EXPECT_THAT(Refusal(folder_.Path("none.jsonl")), HasSubstr("none.jsonl"));
  EXPECT_THAT(Refusal("arc:" + folder_.Path("none.json")), HasSubstr("none.json"));
  EXPECT_THAT(Refusal("arc:"), HasSubstr("give arc:FILE"));
  EXPECT_THAT(Refusal(Write("text.txt", "x")), HasSubstr("text.txt: a task file ends in .jsonl"));
  EXPECT_THAT(Refusal(Write("bad.jsonl", "{}\n")), HasSubstr("bad.jsonl:1: id is missing"));
  EXPECT_THAT(Refusal("pocket", {.count = 0}), HasSubstr("0 tasks"));
}

}  // namespace
}  // namespace elm
