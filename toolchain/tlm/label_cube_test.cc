#include "toolchain/tlm/label_cube.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"
#include "toolchain/tlm/task_words.h"
#include "toolchain/tlm/testing/plain_inputs.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

// Prefers the option that is said in the prompt, at level 0 only in the first 40 bytes; counts what
// it is asked.
class ReadingEngine : public ScoringEngine {
 public:
  const char* name() const override { return "reading"; }
  std::vector<RequestScore> Score(size_t level, std::span<const ScoringRequest> requests,
                                  const ScoringProgress&) override {
    std::vector<RequestScore> scores;
    for (const ScoringRequest& request : requests) {
      ++asked;
      std::string prompt(request.prompt.begin(), request.prompt.end());
      if (level == 0) prompt.resize(std::min<size_t>(prompt.size(), 40));
      RequestScore& score = scores.emplace_back();
      for (const auto& ids : request.continuations) {
        const std::string option(ids.begin(), ids.end());
        const bool said = prompt.find(option) != std::string::npos;
        score.push_back({std::vector<double>(ids.size(), said ? -0.1 : -3.0), {}});
      }
    }
    return scores;
  }
  std::vector<double> WindowLosses(size_t, const TokenWindows&, const ScoringProgress&) override {
    return {};
  }

  size_t asked = 0;
};

Task SomeTask(const std::string& id, const std::string& last) {
  Task task;
  task.id = id;
  task.task = "some";
  task.context = {"one two three four five six seven eight nine ten", "the answer is " + last};
  task.question = "which?";
  task.options = {"Kivalo", "Zentro"};
  task.answer = "Zentro";
  return task;
}

class LabelCubeTest : public ::testing::Test {
 protected:
  LabelCubeTest() {
    cube_.key = "key";
    cube_.prompt_levels_permille = {100, 500, 900, 1000};
    cube_.model_levels_permille = {500, 1000};
  }

  // Words of the last part first.
  Labeller MakeLabeller() {
    return {engine_,
            {0, 1},
            reading_,
            PromptTemplate(),
            AnswerRules{{reading_.piece, {}}, 1000},
            [](std::span<const Task> tasks) {
              WordScoring scoring;
              for (const Task& task : tasks) {
                std::vector<float>& words = scoring.words.emplace_back();
                for (size_t i = 0; i < CountContextWords(task); ++i) {
                  words.push_back(static_cast<float>(i) / 100);
                }
                scoring.tokens.push_back(20);
              }
              return scoring;
            }};
  }

  PromptReading reading_ = ByteReading();
  ReadingEngine engine_;
  LabelCube cube_;
};

TEST_F(LabelCubeTest, EveryPairOfLevelsIsAnsweredOnce) {
  Labeller labeller = MakeLabeller();
  const std::vector<Task> tasks = {SomeTask("a", "Zentro"), SomeTask("b", "Kivalo")};
  LabelTasks(labeller, tasks, cube_);
  ASSERT_EQ(cube_.items.size(), 2U);
  EXPECT_EQ(cube_.right.size(), 2U * cube_.pairs());
  // The full model finds the last word wherever it is kept; the small one where it stands early.
  EXPECT_TRUE(cube_.IsRight(0, 1 * 2 + 1));
  EXPECT_TRUE(cube_.IsRight(0, 3 * 2 + 1));
  EXPECT_TRUE(cube_.IsRight(0, 1 * 2 + 0));
  EXPECT_FALSE(cube_.IsRight(0, 3 * 2 + 0));
  for (size_t pair = 0; pair < cube_.pairs(); ++pair) {
    EXPECT_EQ(cube_.share[pair] > 0.5F, cube_.IsRight(0, pair)) << pair;
  }
  EXPECT_FALSE(cube_.IsRight(1, 3 * 2 + 1));  // the context says the other
  // The budget is a share of the whole prompt.
  for (size_t item = 0; item < 2; ++item) {
    EXPECT_EQ(cube_.full_tokens[item], PromptText(tasks[item]).size());
    for (size_t p = 1; p < 4; ++p) {
      EXPECT_LE(cube_.kept_tokens[item * 4 + p],
                cube_.full_tokens[item] * cube_.prompt_levels_permille[p] / 1000);
    }
    EXPECT_EQ(cube_.kept_tokens[item * 4 + 3], cube_.full_tokens[item]);
  }
}

TEST_F(LabelCubeTest, EqualPromptsAreAnsweredOnce) {
  Labeller labeller = MakeLabeller();
  Task task = SomeTask("a", "Zentro");
  task.context = {"Zentro"};  // protected parts alone exceed all budgets but the last
  LabelTasks(labeller, std::vector<Task>{task}, cube_);
  EXPECT_EQ(engine_.asked, 2U * 2U);  // two prompts at two levels
}

TEST_F(LabelCubeTest, FilesHoldWhatWasSaved) {
  Labeller labeller = MakeLabeller();
  LabelTasks(labeller, std::vector<Task>{SomeTask("a", "Zentro"), SomeTask("b", "Kivalo")}, cube_);
  const std::string path = ::testing::TempDir() + "cube.h5";
  ASSERT_TRUE(SaveLabelCube(path, cube_).ok());
  const Result<LabelCube> loaded = LoadLabelCube(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(*loaded, cube_);
  std::remove(path.c_str());

  LabelCube merged = cube_.Item(0);
  merged.Append(cube_.Item(1));
  EXPECT_EQ(merged, cube_);
  LabelCube other = cube_;
  other.key = "another model";
  EXPECT_THROW(merged.Append(other), Error);
}

TEST_F(LabelCubeTest, TheGridIsTheMeanOverQuestions) {
  Labeller labeller = MakeLabeller();
  LabelTasks(labeller, std::vector<Task>{SomeTask("a", "Zentro"), SomeTask("b", "Kivalo")}, cube_);
  const AccuracyGrid grid = GridOf(cube_);
  EXPECT_EQ(grid.items, 2U);
  EXPECT_EQ(grid.accuracy[grid.Index(3, 1)], 0.5);
  EXPECT_TRUE(Validate(grid).ok());
}

TEST_F(LabelCubeTest, ATaskIsNamedByAllThatIsRead) {
  const Task task = SomeTask("a", "Zentro");
  Task other = task;
  EXPECT_EQ(HashTask(other), HashTask(task));
  other.options = {"Kivalo", "Anna", "Zentro"};
  EXPECT_NE(HashTask(other), HashTask(task));
  other = task;
  other.question += "?";
  EXPECT_NE(HashTask(other), HashTask(task));
}

}  // namespace
}  // namespace elm
