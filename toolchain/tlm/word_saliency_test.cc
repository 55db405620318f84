#include "toolchain/tlm/word_saliency.h"

#include <gtest/gtest.h>

#include <cmath>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/testing/plain_inputs.h"

namespace elm {
namespace {

// With BOS 1 in front.
PromptReading Bytes() {
  PromptReading reading = ByteReading();
  reading.piece = [](uint32_t id) { return id == 1 ? "" : std::string(1, static_cast<char>(id)); };
  reading.bos = 1;
  return reading;
}

Task SomeTask(std::vector<std::string> context) {
  Task task;
  task.id = "some";
  task.task = "some";
  task.instructions = "Say.";
  task.context = std::move(context);
  task.question = "who?";
  task.options = {"Kivalo", "Zentro", "Anna"};
  task.answer = "Zentro";
  return task;
}

class WordSaliencyTest : public ::testing::Test {
 protected:
  WordSaliencyTest() : model_(MakeModel()) { SetTorchThreads(1); }

  static Llama MakeModel() {
    ModelConfig config = TinyConfig();
    config.vocab = 128;
    config.context = 256;
    return Llama::Load(MemoryCheckpoint(config, 3), torch::kCPU, torch::kFloat32);
  }

  // The loss with the keys of one word less visible by `log_gate`.
  double LossAt(const Task& task, size_t word, double log_gate, AnswerLoss loss) const {
    const PromptReading reading = Bytes();
    std::vector<uint32_t> ids = reading.encode(PromptText(task));
    ids.insert(ids.begin(), 1);
    const std::vector<uint32_t> words = WordsOfTokens(task, ids, reading.piece);
    size_t row = ids.size();
    for (const std::string& option :
         loss == AnswerLoss::kChoice ? task.options : std::vector<std::string>{task.answer}) {
      row += AnswerText(option).size() - 1;
    }
    torch::Tensor bias = torch::zeros({1, static_cast<int64_t>(row)});
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == word) bias[0][static_cast<int64_t>(i)] = log_gate;
    }
    return AnswerLosses(model_, reading, std::vector<Task>{task}, loss, 1, {.key_bias = bias})
        .front();
  }

  Llama model_;
};

TEST_F(WordSaliencyTest, IsTheDerivativeOfTheLossByAGate) {
  const Task task = SomeTask({"ring people: Kivalo", "bread: Zentro"});
  for (const AnswerLoss loss : {AnswerLoss::kAnswer, AnswerLoss::kChoice}) {
    const std::vector<float> saliency =
        WordSaliency(model_, Bytes(), std::vector<Task>{task}, {.loss = loss}).front();
    ASSERT_EQ(saliency.size(), 5U);
    constexpr double kStep = 0.01;
    for (size_t word = 0; word < saliency.size(); ++word) {
      const double slope = (LossAt(task, word, std::log(1 + kStep), loss) -
                            LossAt(task, word, std::log(1 - kStep), loss)) /
                           (2 * kStep);
      EXPECT_NEAR(saliency[word], -slope, 2e-3 + 0.02 * std::abs(slope)) << word;
    }
  }
}

TEST_F(WordSaliencyTest, ATaskIsMeasuredAloneWhateverItsBatch) {
  const std::vector<Task> tasks = {SomeTask({"ring people: Kivalo", "bread: Zentro"}),
                                   SomeTask({"a"}), SomeTask({"bake much bread: Anna at night"})};
  for (const WordGate gate : {WordGate::kVisibility, WordGate::kEmbedding}) {
    const auto together =
        WordSaliency(model_, Bytes(), tasks, {.gate = gate, .path = {1.0, 0.5}, .batch = 3});
    const auto alone =
        WordSaliency(model_, Bytes(), tasks, {.gate = gate, .path = {1.0, 0.5}, .batch = 1});
    for (size_t i = 0; i < tasks.size(); ++i) {
      ASSERT_EQ(together[i].size(), CountContextWords(tasks[i]));
      for (size_t word = 0; word < together[i].size(); ++word) {
        EXPECT_NEAR(together[i][word], alone[i][word], 1e-4);
      }
    }
  }
}

TEST_F(WordSaliencyTest, ExactIsTheLossWithoutTheWord) {
  const Task task = SomeTask({"ring people: Kivalo", "bread: Zentro"});
  const std::vector<float> exact =
      ExactSaliency(model_, Bytes(), task, AnswerLoss::kChoice, /*batch=*/4);
  Task without = task;
  without.context = {"ring Kivalo", "bread: Zentro"};
  const auto loss = [&](const Task& asked) {
    return AnswerLosses(model_, Bytes(), std::vector<Task>{asked}, AnswerLoss::kChoice, 1).front();
  };
  ASSERT_EQ(exact.size(), 5U);
  EXPECT_NEAR(exact[1], loss(without) - loss(task), 1e-5);
}

TEST_F(WordSaliencyTest, SurpriseIsTheLossOfTheWordsTokens) {
  const Task task = SomeTask({"ring people: Kivalo", "bread: Zentro"});
  const std::vector<float> surprise =
      WordSurprise(model_, Bytes(), std::vector<Task>{task}, 1).front();
  std::vector<int64_t> ids = {1};
  for (const char byte : PromptText(task)) ids.push_back(byte);
  const torch::NoGradGuard no_grad;
  const torch::Tensor log_probabilities =
      torch::log_softmax(model_.Logits(torch::tensor(ids, torch::kInt64).unsqueeze(0))[0], -1);
  // The second word, "people:", stands behind "Say.\nring " and BOS.
  const size_t begin = 1 + std::string("Say.\nring ").size();
  double sum = 0;
  for (size_t i = begin; i < begin + 7; ++i) {
    sum -= log_probabilities[static_cast<int64_t>(i) - 1][ids[i]].item<double>();
  }
  EXPECT_NEAR(surprise[1], sum, 1e-3);
}

}  // namespace
}  // namespace elm
