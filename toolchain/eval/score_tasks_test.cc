#include "toolchain/eval/score_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "datasets/prompt.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

// Ids 1 to 36 for a small alphabet, one per character.
constexpr std::string_view kAlphabet = "\n :?abcdefghijklmnopqrstuvwxyzAQ012";

std::vector<uint32_t> Encode(std::string_view text) {
  std::vector<uint32_t> ids;
  for (const char c : text) ids.push_back(static_cast<uint32_t>(kAlphabet.find(c) + 1));
  return ids;
}

std::string Piece(uint32_t id) {
  return id == 0 || id > kAlphabet.size() ? "" : std::string(1, kAlphabet[id - 1]);
}

Task MakeTask(const std::string& question, const std::vector<std::string>& options,
              const std::string& answer) {
  Task task;
  task.id = question;
  task.task = options.empty() ? "exact" : "choice";
  task.question = question;
  task.options = options;
  task.answer = answer;
  return task;
}

TaskSet SetOf(const std::vector<Task>& tasks) {
  TaskSetOptions options;
  options.encode = Encode;
  options.bos = 0;
  options.context = 64;
  return MakeTaskSet({{"test", tasks}}, options);
}

const AnswerRules kRules = {.decoder = {.piece = Piece, .stop_ids = {}}, .context = 64};

// An engine whose greedy decoding writes a text that is set beforehand, whatever the prompt.
class RecitingEngine : public ScoringEngine {
 public:
  explicit RecitingEngine(const std::string& text) : text_(Encode(text)) {}

  const char* name() const override { return "reciting"; }
  std::vector<RequestScore> Score(size_t, std::span<const ScoringRequest> requests,
                                  const ScoringProgress&) override {
    ++calls;
    std::vector<RequestScore> scores;
    for (const ScoringRequest& request : requests) scores.push_back({Recite(request)});
    return scores;
  }
  std::vector<double> WindowLosses(size_t, const TokenWindows&, const ScoringProgress&) override {
    return {};
  }

  size_t calls = 0;

 private:
  ContinuationScore Recite(const ScoringRequest& request) const {
    const auto& draft = request.continuations.front();
    ContinuationScore score;
    for (size_t i = 0; i <= draft.size(); ++i) {
      // Once the draft has left the text, anything may come.
      const bool agrees =
          i < text_.size() && std::equal(draft.begin(), draft.begin() + i, text_.begin());
      score.greedy.push_back(agrees ? text_[i] : 30);
      if (i < draft.size()) score.log_probabilities.push_back(-1);
    }
    return score;
  }

  std::vector<uint32_t> text_;
};

TEST(ScoreTasksTest, TheOptionWithTheHighestMeanLogProbabilityIsTaken) {
  SetTorchThreads(1);
  const ModelConfig config = TinyConfig();
  const Llama model = RandomLlama(config, 3);
  const std::vector<Task> tasks = {MakeTask("who", {"ann", "bo", "c"}, "bo"),
                                   MakeTask("where", {"in", "outside"}, "in")};
  TorchEngine engine(model, FullLevelOnly(config), 8, 1);
  const TaskSet set = SetOf(tasks);
  const std::vector<TaskOutcome> outcomes = ScoreTasks(engine, 0, set, kRules);
  for (size_t t = 0; t < tasks.size(); ++t) {
    std::vector<double> expected;
    for (const std::string& option : tasks[t].options) {
      std::vector<uint32_t> ids = Encode(PromptText(tasks[t]) + " " + option);
      ids.insert(ids.begin(), 0);
      const std::vector<int64_t> wide(ids.begin(), ids.end());
      const torch::Tensor logits =
          torch::log_softmax(model.Logits(torch::tensor(wide, torch::kInt64).unsqueeze(0))[0], -1);
      const size_t tokens = option.size() + 1;
      double sum = 0;
      for (size_t i = ids.size() - tokens; i < ids.size(); ++i) {
        sum += logits[static_cast<int64_t>(i) - 1][wide[i]].item<double>();
      }
      expected.push_back(sum / static_cast<double>(tokens));
    }
    const auto& scores = outcomes[t].option_scores;
    ASSERT_EQ(scores.size(), expected.size());
    for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], expected[i], 1e-5);
    const auto best = std::max_element(expected.begin(), expected.end()) - expected.begin();
    const size_t answer = AnswerIndex(tasks[t]);
    EXPECT_EQ(outcomes[t].correct, static_cast<size_t>(best) == answer);
    EXPECT_NEAR(outcomes[t].answer_nll, -expected[answer], 1e-5);
  }
}

TEST(ScoreTasksTest, AFreeAnswerMustBeWhatGreedyDecodingWrites) {
  const auto correct = [](const std::string& written, const std::string& answer) {
    RecitingEngine engine(written);
    return ScoreTasks(engine, 0, SetOf({MakeTask("when", {}, answer)}), kRules)[0].correct;
  };
  EXPECT_TRUE(correct(" at 12\nQ: more", "at 12"));
  EXPECT_TRUE(correct("  at 12 \n", "at 12")) << "blanks at both ends";
  EXPECT_FALSE(correct(" at 120\n", "at 12"));
  EXPECT_FALSE(correct(" at 1\n", "at 12"));
  EXPECT_FALSE(correct(" 12\n", "at 12"));
  EXPECT_FALSE(correct("\n at 12\n", "at 12"));
  EXPECT_FALSE(correct(" at 12, or so, I think\n", "at 12"));
}

TEST(ScoreTasksTest, TheAnswerAsADraftSavesPasses) {
  RecitingEngine right(" at 12\n");
  (void)ScoreTasks(right, 0, SetOf({MakeTask("when", {}, "at 12")}), kRules);
  EXPECT_EQ(right.calls, 1U);
  RecitingEngine wrong(" by 12\n");
  (void)ScoreTasks(wrong, 0, SetOf({MakeTask("when", {}, "at 12")}), kRules);
  EXPECT_EQ(wrong.calls, 1U);
  // Two blanks more than the answer has are decided token by token.
  RecitingEngine slow(" at 12  \n");
  EXPECT_TRUE(ScoreTasks(slow, 0, SetOf({MakeTask("when", {}, "at 12")}), kRules)[0].correct);
  EXPECT_EQ(slow.calls, 3U);
}

TEST(ScoreTasksTest, DecodingEndsEightTokensAfterTheAnswerOrWithTheContext) {
  // " a" is two tokens; ten make " a" and eight blanks, the longest text that can still be right.
  RecitingEngine engine(" a" + std::string(30, ' '));
  EXPECT_TRUE(ScoreTasks(engine, 0, SetOf({MakeTask("q", {}, "a")}), kRules)[0].correct);
  EXPECT_EQ(engine.calls, 8U);

  // BOS and "Q: q\nA:" are nine tokens; a context of twelve leaves room to ask for four.
  RecitingEngine cramped(" a" + std::string(30, ' '));
  AnswerRules rules = kRules;
  rules.context = 12;
  EXPECT_TRUE(ScoreTasks(cramped, 0, SetOf({MakeTask("q", {}, "a")}), rules)[0].correct);
  EXPECT_LE(cramped.calls, 3U);
}

}  // namespace
}  // namespace elm
