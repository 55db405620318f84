#include "toolchain/eval/task_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One id per character, but "x" and what follows it are one piece: pieces that do not end where a
// prompt does.
std::vector<uint32_t> Encode(std::string_view text) {
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool pair = text[i] == 'x' && i + 1 < text.size();
    ids.push_back(static_cast<uint32_t>(text[i]) + (pair ? 1000U : 0U));
    if (pair) ++i;
  }
  return ids;
}

Task Choice(const std::string& context) {
  Task task;
  task.id = "t-1";
  task.task = "family";
  task.context = {context};
  task.options = {"ab", "c"};
  task.answer = "c";
  return task;
}

TEST(TaskRequestTest, EveryOptionFollowsThePromptAfterABlank) {
  const ScoringRequest request = MakeScoringRequest(Choice("pq"), Encode, 1);
  EXPECT_THAT(request.prompt, ElementsAre(1, 'p', 'q'));
  EXPECT_THAT(request.continuations,
              ElementsAre(ElementsAre(' ', 'a', 'b'), ElementsAre(' ', 'c')));
  EXPECT_FALSE(request.greedy);
  EXPECT_EQ(request.longest(), 6U);
  EXPECT_EQ(request.tokens(), 8U);
  EXPECT_THAT(MakeScoringRequest(Choice("pq"), Encode, std::nullopt).prompt, ElementsAre('p', 'q'));
}

// The prompt alone is "p", "x"; with " ab" behind it "p", "x ", "a", "b".
TEST(TaskRequestTest, AsManyIdsAreCutAsThePromptHas) {
  const ScoringRequest request = MakeScoringRequest(Choice("px"), Encode, 1);
  EXPECT_THAT(request.prompt, ElementsAre(1, 'p', 'x'));
  EXPECT_THAT(request.continuations, ElementsAre(ElementsAre('a', 'b'), ElementsAre('c')));
}

TEST(TaskRequestTest, AFreeAnswerIsItsOwnDraft) {
  Task task = Choice("pq");
  task.options.clear();
  const ScoringRequest request = MakeScoringRequest(task, Encode, 1);
  EXPECT_THAT(request.continuations, ElementsAre(ElementsAre(' ', 'c')));
  EXPECT_TRUE(request.greedy);
}

std::string Refusal(const Task& task, const EncodeText& encode) {
  try {
    (void)MakeScoringRequest(task, encode, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TaskRequestTest, AnswersThatCannotBeToldAreRefusedByTask) {
  const auto deaf = [](std::string_view) { return std::vector<uint32_t>{5, 6}; };
  EXPECT_THAT(Refusal(Choice("pq"), deaf), HasSubstr("task t-1: \"ab\" adds no token"));
  Task task = Choice("pq");
  task.options.clear();
  task.answer = "two\nlines";
  EXPECT_THAT(Refusal(task, Encode), HasSubstr("task t-1: the answer has a line end"));
}

}  // namespace
}  // namespace elm
