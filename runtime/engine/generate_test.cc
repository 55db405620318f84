#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "formats/base/utf8.h"
#include "runtime/engine/testing/reciting_model.h"
#include "runtime/engine/testing/tiny_model.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Finish = GenerateResult::Finish;
using testing::kFirstBytePiece;
using testing::RecitingContents;
using testing::Script;
using testing::TinyId;

std::unique_ptr<Session> Open(const Script& script,
                              const BundleContents& contents = RecitingContents()) {
  auto session = testing::OpenRecitingSession(contents, script);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return std::move(*session);
}

GenerateResult Answer(Session& session, std::string_view prompt, const GenerateOptions& options,
                      const TextSink& sink = {}) {
  auto result = Generate(session, prompt, options, sink);
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return *result;
}

const uint32_t kThe = TinyId("\xe2\x96\x81the");
const uint32_t kAn = TinyId(
    "\xe2\x96\x81"
    "an");

Script Alphabet() {
  Script script = {{kThe, TinyId("a")}};
  for (char letter = 'a'; letter < 'z'; ++letter) {
    script[TinyId(std::string(1, letter))] = TinyId(std::string(1, static_cast<char>(letter + 1)));
  }
  script[TinyId("z")] = 2;
  return script;
}

TEST(Generate, ContinuesThePrompt) {
  auto session = Open(Alphabet());
  const auto result = Answer(*session, "the", {.max_tokens = 4});
  EXPECT_EQ(result.text, "abcd");
  EXPECT_THAT(result.prompt_ids, ElementsAre(1, kThe));
  EXPECT_EQ(result.ids.size(), 4U);
  EXPECT_EQ(result.finish, Finish::kLength);
  EXPECT_GT(result.ttft_ms, 0);
  EXPECT_GE(result.ttft_ms, result.tokenize_ms);
  EXPECT_GT(result.tpot_ms, 0);
}

TEST(Generate, NoTokensWanted) {
  auto session = Open(Alphabet());
  const auto result = Answer(*session, "the", {.max_tokens = 0});
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(result.finish, Finish::kLength);
  EXPECT_EQ(result.ttft_ms, 0);
  EXPECT_EQ(session->position(), 2U);
}

TEST(Generate, AStopIdEndsTheAnswerAndIsNotPartOfIt) {
  auto session = Open({{kThe, TinyId("a")}, {TinyId("a"), 2}, {2, TinyId("b")}});
  const auto stopped = Answer(*session, "the", {.max_tokens = 8});
  EXPECT_EQ(stopped.text, "a");
  EXPECT_THAT(stopped.ids, ElementsAre(TinyId("a")));
  EXPECT_EQ(stopped.finish, Finish::kStop);

  const auto ignored = Answer(*session, "the", {.max_tokens = 3, .ignore_stop = true});
  EXPECT_EQ(ignored.text, "ab");
  EXPECT_EQ(ignored.ids.size(), 3U);
  EXPECT_EQ(ignored.finish, Finish::kLength);
}

TEST(Generate, TheContextEndsTheAnswer) {
  auto session = Open(Alphabet(), RecitingContents(5));
  // Two prompt tokens leave room for three; the token behind the last position is known, too.
  const auto result = Answer(*session, "the", {.max_tokens = 20});
  EXPECT_EQ(result.text, "abcd");
  EXPECT_EQ(result.finish, Finish::kContext);
  EXPECT_EQ(session->position(), 5U);
}

TEST(Generate, EverySessionStartsAfresh) {
  auto session = Open(Alphabet());
  const auto first = Answer(*session, "the", {.max_tokens = 6});
  const auto second = Answer(*session, "the", {.max_tokens = 6});
  EXPECT_EQ(first.ids, second.ids);
  EXPECT_EQ(session->position(), 2U + 5U);
}

TEST(Generate, OnlyWholeCharactersGoOut) {
  const uint32_t e6 = kFirstBytePiece + 0xe6;
  const uint32_t x97 = kFirstBytePiece + 0x97;
  const uint32_t xa5 = kFirstBytePiece + 0xa5;
  auto session = Open({{kThe, e6}, {e6, x97}, {x97, xa5}, {xa5, TinyId("a")}, {TinyId("a"), 2}});
  std::vector<std::string> pieces;
  const auto result = Answer(*session, "the", {}, [&](std::string_view text) {
    pieces.emplace_back(text);
    return true;
  });
  EXPECT_THAT(pieces, ElementsAre("", "", "\xe6\x97\xa5", "a"));
  EXPECT_EQ(result.text,
            "\xe6\x97\xa5"
            "a");
}

TEST(Generate, ACharacterCutByTheEndIsDropped) {
  const uint32_t e6 = kFirstBytePiece + 0xe6;
  const uint32_t x97 = kFirstBytePiece + 0x97;
  auto session = Open({{kThe, TinyId("a")}, {TinyId("a"), e6}, {e6, x97}, {x97, 2}});
  const auto result = Answer(*session, "the", {});
  EXPECT_EQ(result.text, "a");
  EXPECT_EQ(result.ids.size(), 3U);
}

TEST(Generate, MalformedBytesBecomeReplacementCharacters) {
  const uint32_t xff = kFirstBytePiece + 0xff;
  auto session = Open({{kThe, xff}, {xff, TinyId("a")}, {TinyId("a"), 2}});
  EXPECT_EQ(Answer(*session, "the", {}).text,
            "\xef\xbf\xbd"
            "a");
}

TEST(Generate, SpacesBelongToAContinuationButNotToABeginning) {
  auto session = Open({{1, kAn}, {kAn, kThe}, {kThe, kAn}});
  EXPECT_EQ(Answer(*session, "the", {.max_tokens = 2}).text, " an the");
  const auto beginning = Answer(*session, "", {.max_tokens = 2});
  EXPECT_THAT(beginning.prompt_ids, ElementsAre(1));
  EXPECT_EQ(beginning.text, "an the");
}

TEST(Generate, TheSinkMayStop) {
  auto session = Open(Alphabet());
  std::string seen;
  const auto result = Answer(*session, "the", {.max_tokens = 20}, [&](std::string_view text) {
    seen += text;
    return seen.size() < 3;
  });
  EXPECT_EQ(result.finish, Finish::kCancelled);
  EXPECT_EQ(result.text, "abc");
  EXPECT_EQ(seen, "abc");
}

TEST(Generate, AStopTextEndsTheAnswerAcrossTokens) {
  auto session = Open(Alphabet());
  std::vector<std::string> pieces;
  const auto result =
      Answer(*session, "the", {.max_tokens = 20, .stop_texts = {"def", "x"}}, [&](auto text) {
        pieces.emplace_back(text);
        return true;
      });
  EXPECT_EQ(result.text, "abc");
  EXPECT_THAT(pieces, ElementsAre("a", "b", "c", "", "", ""));
  EXPECT_EQ(result.ids.size(), 6U) << "tokens of the stop text count";
  EXPECT_EQ(result.finish, Finish::kStop);
}

TEST(Generate, AStopTextThatDoesNotComeHoldsNothingBack) {
  auto session = Open(Alphabet());
  std::string seen;
  const auto sink = [&](std::string_view text) {
    seen += text;
    return true;
  };
  const GenerateOptions options{.max_tokens = 4, .stop_texts = {"cdx", "de"}};
  const auto result = Answer(*session, "the", options, sink);
  EXPECT_EQ(result.text, "abcd");
  EXPECT_EQ(seen, "abcd");
  EXPECT_EQ(result.finish, Finish::kLength);
}

TEST(Generate, StopTextsMustBeText) {
  auto session = Open(Alphabet());
  EXPECT_EQ(Generate(*session, "the", {.stop_texts = {"a", ""}}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_THAT(Generate(*session, "the", {.stop_texts = {"a\xff"}}).status().message(),
              HasSubstr("byte 1"));
}

TEST(Generate, PromptsThatCannotBeRunLeaveTheSessionAlone) {
  auto session = Open(Alphabet(), RecitingContents(6));
  Answer(*session, "the", {.max_tokens = 2});
  const uint32_t before = session->position();

  const Status long_prompt = Generate(*session, "bcdfghk", {}).status();
  EXPECT_EQ(long_prompt.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(long_prompt.message(), HasSubstr("has 9 tokens, the context holds 6"));

  const Status not_text = Generate(*session, "ab\xff", {}).status();
  EXPECT_EQ(not_text.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(not_text.message(), HasSubstr("byte 2"));

  EXPECT_EQ(Generate(*session, "the", {.sampling = {.top_p = 2}}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(session->position(), before);
}

TEST(Generate, AnEmptyPromptNeedsABeginning) {
  BundleContents contents = RecitingContents();
  contents.generation.add_bos = false;
  auto session = Open(Alphabet(), contents);
  EXPECT_EQ(Generate(*session, "", {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Answer(*session, "the", {.max_tokens = 1}).prompt_ids.size(), 1U);
}

// Whatever a model babbles, the text is valid and the pieces join to it.
TEST(Generate, RandomModelGivesValidTextAtEveryLevel) {
  auto model = testing::LoadSmallModel(testing::SmallContents());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  for (const char* level : {"0.3", "0.6", "1.0"}) {
    auto session = Session::Create(*model, {.level = level});
    ASSERT_TRUE(session.ok());
    const GenerateOptions options{.max_tokens = 60,
                                  .sampling = {.temperature = 1.5F, .top_k = 200, .seed = 5},
                                  .ignore_stop = true};
    std::string joined;
    const auto result = Answer(**session, "an answer", options, [&](std::string_view text) {
      EXPECT_FALSE(FindInvalidUtf8(text).has_value());
      joined += text;
      return true;
    });
    EXPECT_EQ(joined, result.text);
    EXPECT_EQ(result.ids.size(), 60U);
    EXPECT_EQ(Answer(**session, "an answer", options).ids, result.ids);
  }
}

TEST(FinishName, NamesEveryEnd) {
  EXPECT_STREQ(FinishName(Finish::kLength), "length");
  EXPECT_STREQ(FinishName(Finish::kStop), "stop");
  EXPECT_STREQ(FinishName(Finish::kContext), "context");
  EXPECT_STREQ(FinishName(Finish::kCancelled), "cancelled");
}

}  // namespace
}  // namespace elm
