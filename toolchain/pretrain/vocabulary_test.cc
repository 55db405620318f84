// The vocabulary and the examples that are made with it.
#include "toolchain/pretrain/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"
#include "toolchain/training/pocket_examples.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

class PocketExamplesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = TrainVocabulary({.size = 700, .seed = 1, .documents = 400});
    tokenizer_ = Tokenizer::Load(model_).value().release();
  }
  static void TearDownTestSuite() { delete tokenizer_; }

  static std::string Text(const TrainingExample& example) {
    return tokenizer_->Decode(std::vector<uint32_t>(example.ids.begin(), example.ids.end()));
  }
  // The text of the tokens of one role.
  static std::string TextOf(const TrainingExample& example, TokenRole role) {
    std::vector<uint32_t> ids;
    for (size_t i = 0; i < example.ids.size(); ++i) {
      if (example.roles[i] == role) ids.push_back(static_cast<uint32_t>(example.ids[i]));
    }
    return tokenizer_->Decode(ids);
  }

  static inline std::string model_;
  static inline const Tokenizer* tokenizer_ = nullptr;
};

TEST_F(PocketExamplesTest, TheVocabularyIsWhatTheModelNeeds) {
  EXPECT_EQ(tokenizer_->size(), 700U);
  EXPECT_EQ(tokenizer_->bos_id(), 1U);
  EXPECT_EQ(tokenizer_->eos_id(), 2U);
  EXPECT_EQ(TrainVocabulary({.size = 700, .seed = 1, .documents = 400}), model_) << "reproducible";
  EXPECT_EQ(tokenizer_->Encode("\n").size(), 1U);
  EXPECT_EQ(tokenizer_->Encode("2024").size(), 4U) << "digits stand alone";
}

TEST_F(PocketExamplesTest, TextsSurviveAndPiecesKeepToTheirWords) {
  std::string text = "  two  blanks\n\nan empty line, \xc3\xa4\xe2\x82\xac and\ttabs \n";
  for (uint64_t i = 0; i < 30; ++i) text += pocket::MakeDocument(pocket::Split::kTest, 3, i);
  const std::vector<uint32_t> whole = tokenizer_->Encode(text);
  EXPECT_EQ(tokenizer_->Decode(whole), text);
  std::vector<uint32_t> apart;
  size_t begin = 0;
  for (size_t end = 1; end <= text.size(); ++end) {
    const bool boundary = end == text.size() || text[end] == '\n' || text[end - 1] == '\n' ||
                          (text[end] == ' ' && text[end - 1] != ' ');
    if (!boundary) continue;
    for (const uint32_t id : tokenizer_->Encode(text.substr(begin, end - begin))) {
      apart.push_back(id);
    }
    begin = end;
  }
  EXPECT_EQ(apart, whole) << "pieces encoded apart are the pieces of the whole";
}

TEST_F(PocketExamplesTest, AGroupIsReadAsItsTasksAreAsked) {
  const PocketExamples examples(*tokenizer_, {.seed = 5});
  for (uint32_t family = 0; family < pocket::Families().size(); ++family) {
    const TrainingExample example = examples.MakeGroup(family, 11);
    const auto tasks = pocket::MakeTaskGroup({family, pocket::Split::kTrain, 5, 11}, 4);
    std::string text = ContextText(tasks.front());
    std::string answers;
    for (const Task& task : tasks) {
      text += QuestionText(task) + AnswerText(task.answer) + "\n";
      answers += AnswerText(task.answer) + "\n";
      if (task.question.empty()) break;
    }
    EXPECT_EQ(Text(example), text);
    EXPECT_EQ(TextOf(example, TokenRole::kAnswer), answers);
    EXPECT_EQ(example.ids.front(), 1);
    EXPECT_EQ(example.ids.back(), 2);
    EXPECT_EQ(example.roles.front(), TokenRole::kIgnored);
    // What measuring a task encodes is a prefix of what training has seen.
    const auto prompt = tokenizer_->Encode(PromptText(tasks.front()));
    const std::vector<int64_t> wide(prompt.begin(), prompt.end());
    EXPECT_TRUE(std::equal(wide.begin(), wide.end(), example.ids.begin() + 1));
  }
}

TEST_F(PocketExamplesTest, SharesAreKept) {
  const PocketExamples examples(
      *tokenizer_, {.seed = 2, .questions = 1, .word_drop_share = 0.5, .corpus_share = 0.25});
  const PocketExamples whole(
      *tokenizer_, {.seed = 2, .questions = 1, .word_drop_share = 0, .corpus_share = 0.25});
  int documents = 0;
  int dropped = 0;
  constexpr int kExamples = 400;
  for (uint64_t index = 0; index < kExamples; ++index) {
    const TrainingExample example = examples.Make(index);
    EXPECT_EQ(example.ids, examples.Make(index).ids);
    const bool document = example.roles.back() == TokenRole::kDocument;
    documents += document ? 1 : 0;
    const TrainingExample complete = whole.Make(index);
    if (example.ids == complete.ids) continue;
    ++dropped;
    EXPECT_FALSE(document);
    EXPECT_LT(example.ids.size(), complete.ids.size());
    EXPECT_EQ(TextOf(example, TokenRole::kAnswer), TextOf(complete, TokenRole::kAnswer));
  }
  EXPECT_NEAR(documents, 0.25 * kExamples, 40);
  EXPECT_NEAR(dropped, 0.375 * kExamples, 50);
}

TEST_F(PocketExamplesTest, TooManyPiecesAreRefused) {
  try {
    TrainVocabulary({.size = 60000, .seed = 1, .documents = 5});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("ocabulary size"));
  }
}

}  // namespace
}  // namespace elm
