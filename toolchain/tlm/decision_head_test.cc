#include "toolchain/tlm/decision_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "toolchain/base/error.h"
#include "toolchain/model/torch_compat.h"
#include "toolchain/tlm/import_mobilebert.h"
#include "toolchain/tlm/testing/small_tlm.h"

namespace elm {
namespace {

LatencyTable SomeTable() {
  LatencyTable table;
  table.name = "reference:test";
  table.level_permille = {500, 1000};
  table.ttft_tokens = {1, 1001};
  table.ttft_ms = {{6, 606}, {10, 1010}};
  table.tpot_context = {1, 1001};
  table.tpot_ms = {{12, 18}, {20, 30}};
  table.tlm_tokens = {1, 1001};
  table.tlm_ms = {0.1, 1};
  table.margin = 0.02;
  return table;
}

class DecisionHeadTest : public ::testing::Test {
 protected:
  DecisionHeadTest()
      : settings_(SmallTlmSettings()),
        tokenizer_(
            ValueOrThrow(WordPieceTokenizer::Load(settings_.vocabulary, settings_.lower_case))),
        model_(settings_.config, /*seed=*/1) {
    SetTorchThreads(1);
    InitialiseSloTokens(model_, 15, /*seed=*/1);
  }

  // Questions whose wording says which prompt level answers them: "when ..." needs the full prompt
  // and the full model, others are right everywhere.
  void MakeQuestions(size_t count) {
    cube_.prompt_levels_permille = settings_.prompt_levels_permille;
    cube_.model_levels_permille = settings_.model_levels_permille;
    for (size_t i = 0; i < count; ++i) {
      Task task = pocket::MakeTask({.family = 3, .seed = 9, .index = i, .size = 0.2});
      const bool hard = i % 2 == 0;
      task.question = hard ? "when does the train leave?" : "where is the key?";
      cube_.items.push_back(HashTask(task));
      for (size_t pair = 0; pair < cube_.pairs(); ++pair) {
        const bool right = !hard || pair + 1 == cube_.pairs();
        cube_.right.push_back(right ? 1 : 0);
        cube_.share.push_back(right ? 1 : 0);
      }
      cube_.full_tokens.push_back(100);
      for (const uint32_t level : cube_.prompt_levels_permille) {
        cube_.kept_tokens.push_back(level / 10);
      }
      cube_.tlm_tokens.push_back(80);
      tasks_.push_back(std::move(task));
    }
  }

  DecisionData Data() const { return MakeDecisionData(settings_, tokenizer_, tasks_, cube_); }

  TlmSettings settings_;
  WordPieceTokenizer tokenizer_;
  TorchTlm model_;
  std::vector<Task> tasks_;
  LabelCube cube_;
};

TEST_F(DecisionHeadTest, BothHeadsLearnWhatTheQuestionSays) {
  MakeQuestions(40);
  const DecisionData data = Data();
  DecisionTrainingOptions options;
  options.training.updates = 120;
  options.training.learning_rate = 3e-3;
  options.measure_every = 20;
  const std::vector<SloShares> slos = {{1, 1}};  // the full pair is feasible, too
  TrainDecisionHead(model_, settings_, data, data, SomeTable(), slos, options);
  const DecisionOutputs outputs = RunDecisionHead(model_, settings_, data, {1, 1});
  for (size_t item = 0; item < tasks_.size(); ++item) {
    const float at_half = outputs.right[item * cube_.pairs() + 8];
    if (item % 2 == 0) {
      EXPECT_LT(at_half, 0.3F) << item;
    } else {
      EXPECT_GT(at_half, 0.7F) << item;
    }
    // The classifiers under <100 %, 100 %>: the full prompt for the hard ones, else the lightest.
    const auto begin = outputs.prompt_levels.begin() + static_cast<ptrdiff_t>(item * 10);
    EXPECT_EQ(std::max_element(begin, begin + 10) - begin, item % 2 == 0 ? 9 : 0) << item;
  }
}

// The published artifact decides without having seen the question.
TEST_F(DecisionHeadTest, TheDecisionSeesTheQuestion) {
  const torch::NoGradGuard no_grad;
  const auto decide = [&](const char* question) {
    const TlmInput input =
        MakeTlmInput(settings_, tokenizer_, {.question = question, .context = "the same context"});
    const TlmWindow* window[] = {&input.windows.front()};
    return model_.DecideLogits(MakeTlmBatch(window)).right;
  };
  EXPECT_FALSE(decide("when does the train leave?").equal(decide("where is the key?")));
}

// The published artifact puts the SLO's embeddings into rows that no input uses.
TEST_F(DecisionHeadTest, EverySloHasARowOfItsOwnThatTheInputUses) {
  const TlmInput input =
      MakeTlmInput(settings_, tokenizer_, {.question = "where?", .context = "the key of Anna"});
  std::set<uint32_t> ttft_rows;
  std::set<uint32_t> tpot_rows;
  for (const SloShares& slo : UsualSlos()) {
    const TlmWindow window = WithSlo(settings_, input, slo).front();
    EXPECT_EQ(window.ids[0], tokenizer_.cls_id());
    EXPECT_GE(window.ids[1], settings_.config.vocab - 15);
    EXPECT_LT(window.ids[2], settings_.config.vocab);
    ttft_rows.insert(window.ids[1]);
    tpot_rows.insert(window.ids[2]);
    // What the orthogonal rows hold reaches the decision.
    const TlmWindow* pointer[] = {&window};
    torch::Tensor words = model_.Get(TlmRole::kWords);
    words.set_requires_grad(true);
    const torch::Tensor loss = model_.DecideLogits(MakeTlmBatch(pointer)).right.square().sum();
    const torch::Tensor gradient = torch::autograd::grad({loss}, {words}).front();
    words.set_requires_grad(false);
    EXPECT_GT(gradient[window.ids[1]].abs().max().item<float>(), 0);
    EXPECT_GT(gradient[window.ids[2]].abs().max().item<float>(), 0);
  }
  EXPECT_EQ(ttft_rows.size(), 9U);  // 100 % is not fed as 90 %
  EXPECT_EQ(tpot_rows.size(), 6U);
}

TEST_F(DecisionHeadTest, TheScoreHeadStaysAsItWas) {
  MakeQuestions(8);
  TorchTlm before(settings_.config, 0);
  before.CopyFrom(model_);
  DecisionTrainingOptions options;
  options.training.updates = 4;
  options.measure_every = 2;
  const DecisionData data = Data();
  TrainDecisionHead(model_, settings_, data, data, SomeTable(), UsualSlos(), options);
  for (size_t i = 0; i < model_.specs().size(); ++i) {
    if (model_.specs()[i].branch == TlmBranch::kDecision) continue;
    EXPECT_TRUE(model_.tensors()[i].equal(before.tensors()[i])) << TlmTensorName(model_.specs()[i]);
  }
}

TEST_F(DecisionHeadTest, OtherQuestionsThanTheCubesAreRefused) {
  MakeQuestions(4);
  tasks_[2].question += "!";
  EXPECT_THROW(Data(), Error);
  tasks_.pop_back();
  EXPECT_THROW(Data(), Error);
}

}  // namespace
}  // namespace elm
