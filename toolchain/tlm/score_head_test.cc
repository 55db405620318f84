#include "toolchain/tlm/score_head.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "toolchain/base/error.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/task_words.h"
#include "toolchain/tlm/testing/small_tlm.h"

namespace elm {
namespace {

class ScoreHeadTest : public ::testing::Test {
 protected:
  ScoreHeadTest()
      : settings_(SmallTlmSettings()),
        tokenizer_(
            ValueOrThrow(WordPieceTokenizer::Load(settings_.vocabulary, settings_.lower_case))),
        model_(settings_.config, /*seed=*/1) {
    SetTorchThreads(1);
  }

  std::vector<ScoreExample> Examples(std::string_view question, std::string_view context,
                                     std::span<const float> targets) const {
    return MakeScoreExamples(settings_, tokenizer_, question, context, targets);
  }

  TlmSettings settings_;
  WordPieceTokenizer tokenizer_;
  TorchTlm model_;
};

TEST_F(ScoreHeadTest, TargetsAreHighWhereTheAnswerDependsOnAWord) {
  const std::vector<float> targets = RetainTargets(std::vector<float>{0.04F, -1, 4, 1, 0});
  EXPECT_FLOAT_EQ(targets[2], 1);
  EXPECT_FLOAT_EQ(targets[3], 0.5F);
  EXPECT_FLOAT_EQ(targets[0], 0.1F);
  EXPECT_EQ(targets[1], 0);
  EXPECT_EQ(targets[4], 0);
  EXPECT_EQ(RetainTargets(std::vector<float>{-1, 0}), (std::vector<float>{0, 0}));
}

TEST_F(ScoreHeadTest, EveryPieceHasItsWordsTarget) {
  const std::string context = "ring people: Kivalo\nbake bread: Zentro";
  const std::vector<float> targets = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
  const std::vector<ScoreExample> examples = Examples("who rings?", context, targets);
  ASSERT_EQ(examples.size(), 1U);
  const WordPieces pieces = tokenizer_.Encode(context);
  ASSERT_EQ(examples[0].targets.size(), pieces.ids.size());
  const std::vector<TextSpan> words = WordSpans(context);
  for (size_t i = 0; i < pieces.ids.size(); ++i) {
    const auto word = std::find_if(words.begin(), words.end(), [&](const TextSpan& span) {
      return span.begin <= pieces.spans[i].begin && pieces.spans[i].end <= span.end;
    });
    ASSERT_NE(word, words.end());
    EXPECT_EQ(examples[0].targets[i], targets[static_cast<size_t>(word - words.begin())]) << i;
  }
  // And back: a word's score is the mean over its pieces.
  const std::vector<float> back = MeanOverPieces(words, pieces.spans, examples[0].targets);
  for (size_t i = 0; i < targets.size(); ++i) EXPECT_FLOAT_EQ(back[i], targets[i]);
}

// The published artifact counts padding as text to be retained.
TEST_F(ScoreHeadTest, PaddingAndHeaderHaveNoPartInTheLoss) {
  const torch::NoGradGuard no_grad;
  const std::vector<float> short_targets = {1, 0};
  std::vector<float> long_targets;
  std::string long_context;
  for (int i = 0; i < 60; ++i) {
    long_context += i == 0 ? "word" : " word";
    long_targets.push_back(i % 2 == 0 ? 1.0F : 0.0F);
  }
  const ScoreExample brief = Examples("q", "call Anna", short_targets).front();
  const ScoreExample extended = Examples("q", long_context, long_targets).front();
  const auto loss = [&](std::vector<const ScoreExample*> examples) {
    return ScoreLoss(model_, examples).item<double>();
  };
  const double pieces_brief = static_cast<double>(brief.targets.size());
  const double pieces_long = static_cast<double>(extended.targets.size());
  const double expected = (loss({&brief}) * pieces_brief + loss({&extended}) * pieces_long) /
                          (pieces_brief + pieces_long);
  EXPECT_NEAR(loss({&brief, &extended}), expected, 1e-5);
}

// The published artifact keeps the least important words.
TEST_F(ScoreHeadTest, LearnsToScoreWhatMattersHigher) {
  std::vector<ScoreExample> examples;
  std::vector<Task> tasks;
  for (uint64_t i = 0; i < 60; ++i) {
    Task task = pocket::MakeTask({.family = 3, .seed = 5, .index = i, .size = 0.3});
    const std::string context = TlmContext(task);
    std::vector<float> targets;
    for (const std::string_view word : SplitWords(context)) {
      targets.push_back(word.ends_with(":") ? 1.0F : 0.0F);
    }
    if (std::count(targets.begin(), targets.end(), 1.0F) == 0) continue;
    for (ScoreExample& example : Examples(task.question, context, targets)) {
      examples.push_back(std::move(example));
    }
    tasks.push_back(std::move(task));
  }
  ScoreTrainingOptions options;
  options.training.updates = 150;
  options.training.learning_rate = 3e-3;
  options.batch_tokens = 1024;
  double first = 0;
  double last = 0;
  TrainScoreHead(model_, examples, options,
                 {.progress = [&](uint64_t update, uint64_t, double loss) {
                   if (update == 50) first = loss;
                   last = loss;
                 }});
  EXPECT_LT(last, 0.7 * first);
  const auto scores = ScoreWords(model_, settings_, tokenizer_, tasks);
  size_t right = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string context = TlmContext(tasks[i]);
    const std::vector<std::string_view> words = SplitWords(context);
    ASSERT_EQ(scores[i].size(), words.size());
    const std::vector<uint8_t> kept = HighestWords(scores[i], 1);
    const auto best = std::find(kept.begin(), kept.end(), 1) - kept.begin();
    right += words[static_cast<size_t>(best)].ends_with(":") ? 1 : 0;
  }
  EXPECT_GT(right, tasks.size() * 8 / 10);
}

// The published artifact cuts prompts off behind 512 tokens.
TEST_F(ScoreHeadTest, EveryWordOfALongContextIsScored) {
  Task task;
  task.question = "Where is the key?";
  std::string part;
  for (int i = 0; i < 900; ++i) part += StrCat(i == 0 ? "" : " ", "word", i);
  task.context = {part, "the key of Anna: kitchen"};
  task.answer = "kitchen";
  const auto scores = ScoreWords(model_, settings_, tokenizer_, std::vector<Task>{task});
  ASSERT_EQ(scores.size(), 1U);
  ASSERT_EQ(scores[0].size(), 905U);
  for (const float score : scores[0]) EXPECT_GT(score, 0);  // a probability, not "never seen"
}

TEST_F(ScoreHeadTest, TheSameSeedGivesTheSameWeights) {
  const std::vector<float> targets = {1, 0, 1};
  const std::vector<ScoreExample> examples = Examples("q", "a b c", targets);
  ScoreTrainingOptions options;
  options.training.updates = 5;
  TorchTlm other(settings_.config, /*seed=*/1);
  TrainScoreHead(model_, examples, options);
  TrainScoreHead(other, examples, options);
  for (size_t i = 0; i < model_.tensors().size(); ++i) {
    EXPECT_TRUE(model_.tensors()[i].equal(other.tensors()[i])) << i;
  }
}

TEST_F(ScoreHeadTest, FrozenSharedLayersStayAsTheyWere) {
  const TorchTlm before(settings_.config, /*seed=*/1);
  const std::vector<float> targets = {1, 0, 1};
  ScoreTrainingOptions options;
  options.training.updates = 3;
  options.freeze_shared = true;
  TrainScoreHead(model_, Examples("q", "a b c", targets), options);
  bool score_branch_moved = false;
  for (size_t i = 0; i < model_.specs().size(); ++i) {
    const bool same = model_.tensors()[i].equal(before.tensors()[i]);
    if (model_.specs()[i].branch != TlmBranch::kScore) {
      EXPECT_TRUE(same) << TlmTensorName(model_.specs()[i]);
    } else {
      score_branch_moved |= !same;
    }
  }
  EXPECT_TRUE(score_branch_moved);
}

}  // namespace
}  // namespace elm
