#include "toolchain/tlm/task_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/prompt.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::ElementsAre;

Task SomeTask() {
  Task task;
  task.id = "some";
  task.instructions = "Choose well.";
  task.context = {"ring people: Kivalo", "bake  bread: Zentro"};
  task.question = "Ring Anna?";
  task.answer = "Kivalo";
  return task;
}

// A tokenizer of three-byte pieces, with a blank in front as SentencePiece has it.
std::vector<std::string> Pieces(const Task& task) {
  const std::string text = " " + PromptText(task);
  std::vector<std::string> pieces;
  for (size_t i = 0; i < text.size(); i += 3) pieces.push_back(text.substr(i, 3));
  return pieces;
}

TEST(TaskWordsTest, TokensBelongToTheWordThatTheyBeginIn) {
  const Task task = SomeTask();
  const std::vector<std::string> pieces = Pieces(task);
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < pieces.size(); ++i) ids.push_back(i);
  const std::vector<uint32_t> words =
      WordsOfTokens(task, ids, [&](uint32_t id) { return pieces[id]; });
  // Byte by byte: which word of the context the first byte that is no blank stands in.
  const std::string text = " " + PromptText(task);
  const size_t context = text.find("ring");
  const size_t question = text.find("Q: ");
  size_t in_context = 0;
  for (size_t token = 0; token < pieces.size(); ++token) {
    size_t at = token * 3;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) ++at;
    if (at >= (token + 1) * 3 || at < context || at >= question) {
      EXPECT_EQ(words[token], kNoWord) << token;
      continue;
    }
    const std::string before = text.substr(context, at + 1 - context);
    EXPECT_EQ(words[token], SplitWords(before).size() - 1) << token;
    ++in_context;
  }
  EXPECT_GT(in_context, 8U);
}

TEST(TaskWordsTest, TokensThatSayAnotherTextAreRefused) {
  const Task task = SomeTask();
  const std::vector<uint32_t> ids = {0};
  EXPECT_THROW(WordsOfTokens(task, ids, [](uint32_t) { return "Choose poorly"; }), Error);
  EXPECT_THROW(WordsOfTokens(task, ids, [](uint32_t) { return "Choose"; }), Error);
}

TEST(TaskWordsTest, KeptWordsStayInTheirOrderAndParts) {
  const std::vector<uint8_t> kept = {1, 0, 1, 0, 0, 0};
  const Task shorter = KeepContextWords(SomeTask(), kept);
  EXPECT_THAT(shorter.context, ElementsAre("ring Kivalo", ""));
  EXPECT_EQ(shorter.question, SomeTask().question);
  EXPECT_EQ(shorter.instructions, SomeTask().instructions);
  EXPECT_EQ(CountContextWords(SomeTask()), 6U);
}

TEST(TaskWordsTest, TheHighestScoresAreKeptAndOfEqualOnesTheFirst) {
  EXPECT_THAT(HighestWords(std::vector<float>{0.1F, 0.9F, 0.5F, 0.5F}, 2), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(HighestWords(std::vector<float>{0.1F}, 5), ElementsAre(1));
  EXPECT_THAT(HighestWords(std::vector<float>{0.1F, 0.2F}, 0), ElementsAre(0, 0));
}

}  // namespace
}  // namespace elm
