// The public sets themselves, read whole. Skipped where the third-party files are not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "datasets/load_tasks.h"
#include "datasets/public/public_sets.h"
#include "formats/base/testing/assets.h"

namespace elm {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// A set's file, what comes of it, and what is noted; no more than that holds for all of them.
struct SetFile {
  const char* set;
  const char* file;
  size_t tasks;
  size_t notes;
};

void PrintTo(const SetFile& file, std::ostream* out) { *out << file.set << ":" << file.file; }

class PublicAssetsTest : public ::testing::TestWithParam<SetFile> {
 protected:
  void SetUp() override {
    path_ = AssetPath(GetParam().file);
    if (path_.empty()) GTEST_SKIP() << MissingAsset(GetParam().file);
  }
  std::string path_;
};

TEST_P(PublicAssetsTest, IsReadWhole) {
  const Result<PublicTasks> read = FindPublicSet(GetParam().set).value()->read(path_);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->tasks.size(), GetParam().tasks);
  EXPECT_EQ(read->notes.size(), GetParam().notes) << ::testing::PrintToString(read->notes);
  std::set<std::string> ids;
  for (const Task& task : read->tasks) {
    EXPECT_TRUE(Validate(task).ok()) << task.id << ": " << Validate(task).ToString();
    EXPECT_TRUE(ids.insert(task.id).second) << task.id;
    EXPECT_TRUE(task.task.starts_with(std::string(GetParam().set).substr(0, 8))) << task.task;
  }
  // The same through the common door.
  const std::string spec = std::string(GetParam().set) + ":" + path_;
  EXPECT_EQ(LoadTasks(spec, {.count = 0}).value(), read->tasks);
}

INSTANTIATE_TEST_SUITE_P(
    All, PublicAssetsTest,
    ::testing::Values(SetFile{"arc", "eval/llm_adapters_ARC-Easy_test.json", 2376, 0},
                      SetFile{"arc", "eval/llm_adapters_ARC-Easy_train.json", 2251, 0},
                      SetFile{"openbookqa", "eval/llm_adapters_openbookqa_train.json", 4957, 1},
                      SetFile{"openbookqa", "eval/openbookqa_dev.tsv", 500, 0},
                      SetFile{"piqa", "eval/piqa_valid.jsonl", 1838, 0},
                      SetFile{"sciq", "eval/sciq_Multiple_Choice.jsonl", 192, 2},
                      SetFile{"lambada", "eval/lambada_test.jsonl", 5153, 0},
                      SetFile{"boolq", "eval/boolq_val.jsonl", 3270, 0},
                      SetFile{"copa", "eval/copa_val.jsonl", 100, 0},
                      SetFile{"octopus", "mobile/octopus_val.csv", 178, 0},
                      SetFile{"octopus", "mobile/octopus_dev.csv", 21, 0},
                      SetFile{"llamatouch", "mobile/llamatouch_task_metadata.tsv", 495, 1},
                      SetFile{"elastilm", "mobile/elastilm_trace_0.json", 400, 1},
                      SetFile{"elastilm", "mobile/elastilm_trace_-0.25.json", 413, 1},
                      SetFile{"elastilm-trace", "mobile/elastilm_trace_0.json", 600, 0},
                      SetFile{"elastilm-trace", "mobile/elastilm_trace_-0.25.json", 596, 0}),
    [](const auto& info) { return StrCat(info.index); });

// Tasks of `set` in `file`; empty, and the test skipped, where the file is not there.
std::vector<Task> Load(const std::string& set, const std::string& file) {
  const std::string path = AssetPath(file);
  if (path.empty()) return {};
  const Result<std::vector<Task>> tasks = LoadTasks(set + ":" + path, {.count = 0});
  EXPECT_TRUE(tasks.ok()) << tasks.status().ToString();
  return tasks.ok() ? *tasks : std::vector<Task>();
}

#define LOAD_OR_SKIP(tasks, set, file)             \
  const std::vector<Task> tasks = Load(set, file); \
  if (AssetPath(file).empty()) GTEST_SKIP() << MissingAsset(file)

// How many tasks have the answer at each place.
std::map<size_t, size_t> AnswerPlaces(const std::vector<Task>& tasks) {
  std::map<size_t, size_t> places;
  for (const Task& task : tasks) ++places[AnswerIndex(task)];
  return places;
}

TEST(PublicAssetsPropertiesTest, ArcKeysMeanTheOptionTheyNumber) {
  LOAD_OR_SKIP(tasks, "arc", "eval/llm_adapters_ARC-Easy_test.json");
  EXPECT_THAT(AnswerPlaces(tasks),
              ElementsAre(Pair(0, 596), Pair(1, 585), Pair(2, 633), Pair(3, 561), Pair(4, 1)));
  for (const Task& task : tasks) {
    EXPECT_THAT(task.options, Each(Not(HasSubstr("Answer")))) << task.id;
  }
}

TEST(PublicAssetsPropertiesTest, OpenBookQaTableHasFourOptionsEach) {
  LOAD_OR_SKIP(tasks, "openbookqa", "eval/openbookqa_dev.tsv");
  EXPECT_THAT(AnswerPlaces(tasks),
              ElementsAre(Pair(0, 126), Pair(1, 138), Pair(2, 110), Pair(3, 126)));
  for (const Task& task : tasks) EXPECT_EQ(task.options.size(), 4U) << task.id;
}

TEST(PublicAssetsPropertiesTest, LambadaAsksForSingleWords) {
  LOAD_OR_SKIP(tasks, "lambada", "eval/lambada_test.jsonl");
  for (const Task& task : tasks) {
    EXPECT_EQ(SplitWords(task.answer).size(), 1U) << task.id;
    EXPECT_EQ(task.context.size(), 1U) << task.id;
  }
}

TEST(PublicAssetsPropertiesTest, BoolqPassagesAreCutIntoSentences) {
  LOAD_OR_SKIP(tasks, "boolq", "eval/boolq_val.jsonl");
  size_t parts = 0;
  for (const Task& task : tasks) parts += task.context.size();
  const double mean = static_cast<double>(parts) / static_cast<double>(tasks.size());
  EXPECT_GT(mean, 3);
  EXPECT_LT(mean, 8);
  EXPECT_EQ(AnswerPlaces(tasks)[0], 2033U);
}

TEST(PublicAssetsPropertiesTest, OctopusFunctionsAreAllDescribedButTheIrrelevantOne) {
  LOAD_OR_SKIP(tasks, "octopus", "mobile/octopus_val.csv");
  for (const Task& task : tasks) {
    ASSERT_EQ(task.options.size(), 21U);
    ASSERT_EQ(task.context.size(), 21U);
    for (size_t i = 0; i < 21; ++i) {
      EXPECT_TRUE(task.context[i] == "irrelevant_function" ||
                  task.context[i].ends_with(": " + task.options[i]))
          << task.context[i];
    }
  }
  EXPECT_EQ(tasks.front().answer, "take_a_photo");
}

TEST(PublicAssetsPropertiesTest, LlamaTouchHasNoAppTwice) {
  LOAD_OR_SKIP(tasks, "llamatouch", "mobile/llamatouch_task_metadata.tsv");
  EXPECT_EQ(tasks.front().options.size(), 74U);
  EXPECT_EQ(tasks.front().answer, "Settings");
}

TEST(PublicAssetsPropertiesTest, ElastilmTracesCarryDemandsAndArrivals) {
  LOAD_OR_SKIP(tasks, "elastilm-trace", "mobile/elastilm_trace_0.json");
  std::map<std::string, size_t> families;
  std::set<std::string> arrivals;
  for (const Task& task : tasks) {
    ++families[task.task];
    ASSERT_TRUE(task.slo.has_value());
    ASSERT_EQ(task.tags.size(), 1U);
    EXPECT_TRUE(arrivals.insert(task.tags.front()).second);
  }
  EXPECT_THAT(families,
              UnorderedElementsAre(Pair("elastilm-arc_e", 100), Pair("elastilm-sciq", 100),
                                   Pair("elastilm-octopus", 100), Pair("elastilm-obqa", 100),
                                   Pair("elastilm-llamatouch", 100), Pair("elastilm-piqa", 100)));
  EXPECT_TRUE(arrivals.contains("arrival=0") && arrivals.contains("arrival=599"));
}

// The same question stands in a trace and in the set it was taken from: both must have one answer.
TEST(PublicAssetsPropertiesTest, ElastilmAnswersAreThoseOfTheSetsTheyCameFrom) {
  LOAD_OR_SKIP(trace, "elastilm", "mobile/elastilm_trace_-0.25.json");
  LOAD_OR_SKIP(piqa, "piqa", "eval/piqa_valid.jsonl");
  LOAD_OR_SKIP(openbookqa, "openbookqa", "eval/openbookqa_dev.tsv");
  std::map<std::pair<std::string, std::vector<std::string>>, std::string> answers;
  for (const Task& task : piqa) answers[{task.question, task.options}] = task.answer;
  for (const Task& task : openbookqa) answers[{task.question, task.options}] = task.answer;
  size_t compared = 0;
  for (const Task& task : trace) {
    const auto same = answers.find({task.question, task.options});
    if (same == answers.end()) continue;
    EXPECT_EQ(task.answer, same->second) << task.question;
    ++compared;
  }
  EXPECT_EQ(compared, 62U + 170U);
}

}  // namespace
}  // namespace elm
