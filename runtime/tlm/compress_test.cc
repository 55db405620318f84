#include "runtime/tlm/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "formats/base/utf8.h"
#include "runtime/tlm/keep_words.h"
#include "runtime/tlm/testing/fake_counter.h"
#include "runtime/tlm/text_units.h"

namespace elm {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::MisleadingCounter;
using testing::PieceCounter;

struct Fixture {
  explicit Fixture(std::vector<PromptPart> prompt_parts, std::vector<std::string> forced = {})
      : parts(std::move(prompt_parts)), words(FindContextWords(parts, forced)) {}

  Compressed Shorten(std::span<const float> scores, size_t budget,
                     const TokenCounter& counter = PieceCounter()) const {
    return Compressor(prompt, parts, words, counter, counter.Count(RenderPrompt(prompt, parts)))
        .Shorten(scores, budget);
  }

  PromptTemplate prompt;
  std::vector<PromptPart> parts;
  ContextWords words;
};

// One token each with the blank before it.
Fixture Letters() {
  return Fixture({{PartRole::kInstructions, "do"}, {PartRole::kContext, "a b c d e f"}});
}
constexpr size_t kLettersProtected = 2;  // one in front, "do"

std::string ContextOf(const Compressed& result) { return JoinContext(result.parts); }

TEST(PromptBudgetTest, FloorOfTheShare) {
  EXPECT_EQ(PromptBudget(1000, 123), 123U);
  EXPECT_EQ(PromptBudget(100, 99), 9U);
  EXPECT_EQ(PromptBudget(700, 10), 7U);  // 0.7 * 10 in floating point is less than 7
  EXPECT_EQ(PromptBudget(300, 0), 0U);
}

TEST(CompressTest, KeepsTheHighestScoresInTheirOrder) {
  const Fixture fixture = Letters();
  const std::vector<float> scores = {0.1F, 0.9F, 0.2F, 0.8F, 0.3F, 0.7F};
  const Compressed result = fixture.Shorten(scores, kLettersProtected + 3);
  EXPECT_EQ(ContextOf(result), "b d f");
  EXPECT_EQ(result.prompt, "do\nb d f");
  EXPECT_THAT(result.kept, ElementsAre(0, 1, 0, 1, 0, 1));
  EXPECT_EQ(result.tokens, 5U);
  EXPECT_EQ(result.full_tokens, 8U);
  EXPECT_EQ(result.protected_tokens, 2U);
  EXPECT_DOUBLE_EQ(result.prompt_fraction(), 5.0 / 8);
  EXPECT_DOUBLE_EQ(result.context_fraction(), 0.5);
  EXPECT_FALSE(result.protected_exceed);
}

// The published artifact sorted the other way round.
TEST(CompressTest, NeverKeepsTheLeastImportantWord) {
  const Fixture fixture = Letters();
  const std::vector<float> scores = {0.9F, 0.1F, 0.5F, 0.6F, 0.4F, 0.7F};
  for (size_t budget = kLettersProtected; budget < 8; ++budget) {
    EXPECT_EQ(fixture.Shorten(scores, budget).kept[1], 0);
  }
}

TEST(CompressTest, EqualScoresKeepTheFirst) {
  EXPECT_EQ(ContextOf(Letters().Shorten(std::vector<float>(6, 0.5F), kLettersProtected + 2)),
            "a b");
}

TEST(CompressTest, AFullPromptWithinTheBudgetIsUntouched) {
  const Fixture fixture({{PartRole::kContext, "  a \n\n b\t"}, {PartRole::kQuestion, "?"}});
  const std::vector<float> scores(2, 0.0F);
  const Compressed result = fixture.Shorten(scores, 100);
  EXPECT_EQ(result.parts, fixture.parts);
  EXPECT_THAT(result.kept, Each(1));
  EXPECT_EQ(result.counts, 0U);
  EXPECT_DOUBLE_EQ(result.prompt_fraction(), 1);
  EXPECT_DOUBLE_EQ(result.context_fraction(), 1);
}

TEST(CompressTest, ProtectedPartsThatExceedTheBudgetSaySo) {
  const Fixture fixture = Letters();
  const std::vector<float> scores(6, 0.5F);
  const Compressed result = fixture.Shorten(scores, kLettersProtected - 1);
  EXPECT_TRUE(result.protected_exceed);
  EXPECT_EQ(result.prompt, "do");
  EXPECT_THAT(result.kept, Each(0));
  EXPECT_EQ(result.tokens, kLettersProtected);
  EXPECT_FALSE(fixture.Shorten(scores, kLettersProtected).protected_exceed);
}

TEST(CompressTest, NoContext) {
  for (const char* context : {"", " \n\t "}) {
    const Fixture fixture({{PartRole::kContext, context}, {PartRole::kQuestion, "why?"}});
    const Compressed result = fixture.Shorten({}, 1);
    EXPECT_EQ(result.parts, fixture.parts);
    EXPECT_TRUE(result.protected_exceed);
    EXPECT_DOUBLE_EQ(result.context_fraction(), 1);
    EXPECT_TRUE(result.kept.empty());
  }
}

TEST(CompressTest, ForcedWordsComeFirst) {
  const Fixture fixture({{PartRole::kContext, "a b c d e f"}}, {"e", "b"});
  const std::vector<float> scores = {0.9F, 0.1F, 0.8F, 0.7F, 0.0F, 0.6F};
  EXPECT_EQ(ContextOf(fixture.Shorten(scores, 4)), "a b e");
  EXPECT_EQ(ContextOf(fixture.Shorten(scores, 3)), "b e");
}

TEST(CompressTest, UnitsStayWhole) {
  const Fixture fixture({{PartRole::kContext, "x \"a b c\" y 1 000 z"}});
  //                                        x     "a    b     c"    y     1     000   z
  const std::vector<float> scores = {0.5F, 0.9F, 0.9F, 0.0F, 0.4F, 0.1F, 0.2F, 0.3F};
  const size_t full = PieceCounter().Count("x \"a b c\" y 1 000 z");
  for (size_t budget = 1; budget < full; ++budget) {
    const std::vector<uint8_t> kept = fixture.Shorten(scores, budget).kept;
    EXPECT_EQ(kept[1], kept[2]);
    EXPECT_EQ(kept[2], kept[3]);
    EXPECT_EQ(kept[5], kept[6]);
  }
  EXPECT_EQ(ContextOf(fixture.Shorten(scores, 4)), "\"a b c\"");
}

TEST(CompressTest, OneWordThatFitsNoBudgetDoesNotStopTheOthers) {
  const std::string giant(10000, 'w');
  const Fixture fixture({{PartRole::kContext, "a " + giant + " b c"}});
  const std::vector<float> scores = {0.1F, 1.0F, 0.3F, 0.2F};
  const Compressed result = fixture.Shorten(scores, 4);
  EXPECT_EQ(ContextOf(result), "a b c");
  EXPECT_LT(result.counts, 8U);

  const Fixture alone({{PartRole::kContext, giant}});
  EXPECT_EQ(alone.Shorten(std::vector<float>{1}, 100).prompt, "");
  EXPECT_EQ(alone.Shorten(std::vector<float>{1}, 2501).prompt, giant);
}

TEST(CompressTest, ScoresThatAreNoNumbersCountAsNothing) {
  const std::vector<float> scores = {
      0.1F, std::nanf(""), -1, 0.2F, std::numeric_limits<float>::infinity(), 0};
  EXPECT_EQ(ContextOf(Letters().Shorten(scores, kLettersProtected + 2)), "a d");
}

TEST(CompressTest, FewTokenizations) {
  std::string text;
  std::vector<float> scores;
  std::mt19937_64 engine(3);
  for (int i = 0; i < 2000; ++i) {
    text += std::string(1 + engine() % 12, static_cast<char>('a' + engine() % 26));
    text += i % 17 == 16 ? "\n" : " ";
    scores.push_back(static_cast<float>(engine() % 1000) / 1000);
  }
  const Fixture fixture({{PartRole::kContext, text}, {PartRole::kQuestion, "which?"}});
  const PieceCounter counter;
  const size_t full = counter.Count(RenderPrompt({}, fixture.parts));
  for (uint32_t permille = 100; permille < 1000; permille += 100) {
    const Compressed result = fixture.Shorten(scores, PromptBudget(permille, full), counter);
    EXPECT_LE(result.counts, 8U) << permille;
  }
}

// --- properties over random texts --------------------------------------------------------------

class RandomPrompts {
 public:
  explicit RandomPrompts(uint64_t seed) : engine_(seed) {}

  size_t Below(size_t count) { return engine_() % count; }
  float Score() { return static_cast<float>(Below(64)) / 64; }

  std::string Text(size_t words) {
    static const std::vector<std::string> kBlanks = {" ",  " ",  " ",    " ",    "  ",
                                                     "\n", "\t", "\r\n", "\n\n", "\n  "};
    std::string text;
    if (Below(4) == 0) text += kBlanks[Below(kBlanks.size())];
    for (size_t i = 0; i < words; ++i) {
      text += Word();
      if (i + 1 < words || Below(3) == 0) text += kBlanks[Below(kBlanks.size())];
    }
    return text;
  }

  std::vector<PromptPart> Parts() {
    std::vector<PromptPart> parts;
    const size_t count = 1 + Below(5);
    for (size_t i = 0; i < count; ++i) {
      const auto role = static_cast<PartRole>(Below(4));
      parts.push_back({Below(2) == 0 ? PartRole::kContext : role, Text(Below(30))});
    }
    return parts;
  }

 private:
  std::string Word() {
    static const std::vector<std::string> kWords = {"a",
                                                    "the",
                                                    "1",
                                                    "000",
                                                    "12",
                                                    "5",
                                                    "%",
                                                    "$",
                                                    "\"",
                                                    "\"a",
                                                    "b\"",
                                                    "`x",
                                                    "y`",
                                                    "```",
                                                    "``",
                                                    "https://example.org/a?b=c",
                                                    "\u201cq",
                                                    "r\u201d",
                                                    "\u05e9\u05dc\u05d5\u05dd",
                                                    "\u0627\u0644\u0639",
                                                    "\U0001f600\U0001f3fd",
                                                    "\u4f60\u597d",
                                                    "e\u0301",
                                                    "\u200d",
                                                    "...",
                                                    "word",
                                                    "longerword",
                                                    "\u00a0",
                                                    "\U0010fffd"};
    if (Below(6) == 0) {
      std::string word;
      for (size_t i = 0, count = 1 + Below(4); i < count; ++i) word += RandomCharacter();
      return word;
    }
    return kWords[Below(kWords.size())];
  }

  // Any code point that is no blank.
  std::string RandomCharacter() {
    static constexpr uint32_t kMost[] = {0x7f, 0x7ff, 0xffff, 0x10ffff};
    while (true) {
      const auto code = static_cast<uint32_t>(Below(kMost[Below(4)] + 1));
      if (code >= 0xd800 && code < 0xe000) continue;
      if (code < 0x80 && IsBlank(static_cast<char>(code))) continue;
      return Utf8(code);
    }
  }

  static std::string Utf8(uint32_t code) {
    const auto tail = [code](int shift) {
      return static_cast<char>(0x80 | (code >> shift & 0x3f));
    };
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), tail(0)};
    if (code < 0x10000) return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
    return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
  }

  std::mt19937_64 engine_;
};

std::vector<std::string> KeptTexts(const ContextWords& words, std::span<const uint8_t> kept) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < kept.size(); ++i) {
    const TextSpan span = words.words[i].span;
    if (kept[i] != 0) texts.push_back(words.context.substr(span.begin, span.end - span.begin));
  }
  return texts;
}

void CheckProperties(const Fixture& fixture, const std::vector<float>& scores, size_t budget,
                     const TokenCounter& counter) {
  const Compressed result = fixture.Shorten(scores, budget, counter);
  const ContextWords& words = fixture.words;

  // Protected bytes verbatim, valid text out, counts as they are.
  ASSERT_EQ(result.parts.size(), fixture.parts.size());
  for (size_t i = 0; i < fixture.parts.size(); ++i) {
    EXPECT_EQ(result.parts[i].role, fixture.parts[i].role);
    if (fixture.parts[i].role != PartRole::kContext) {
      EXPECT_EQ(result.parts[i].text, fixture.parts[i].text);
    }
  }
  EXPECT_EQ(result.prompt, RenderPrompt(fixture.prompt, result.parts));
  EXPECT_FALSE(FindInvalidUtf8(result.prompt).has_value());
  EXPECT_EQ(result.tokens, counter.Count(result.prompt));

  // Exactly the kept words, whole, in their order.
  const ContextWords left = FindContextWords(result.parts);
  EXPECT_EQ(KeptTexts(left, std::vector<uint8_t>(left.words.size(), 1)),
            KeptTexts(words, result.kept));
  for (size_t i = 1; i < words.words.size(); ++i) {
    if (words.words[i].unit == words.words[i - 1].unit) {
      EXPECT_EQ(result.kept[i], result.kept[i - 1]);
    }
  }

  // Within the budget, and the best unit that is missing does not fit any more.
  if (result.protected_exceed) {
    EXPECT_THAT(result.kept, Each(words.words.empty() ? 1 : 0));
    return;
  }
  ASSERT_LE(result.tokens, budget);
  if (result.counts == Compressor::kMostCounts) return;  // the search was cut short
  std::vector<uint32_t> units(words.units);
  std::iota(units.begin(), units.end(), 0);
  std::vector<double> mean(words.units, 0), count(words.units, 0);
  std::vector<uint8_t> unit_kept(words.units, 0);
  for (size_t i = 0; i < words.words.size(); ++i) {
    const uint32_t unit = words.words[i].unit;
    mean[unit] += scores[i];
    ++count[unit];
    unit_kept[unit] = result.kept[i];
  }
  for (uint32_t unit = 0; unit < words.units; ++unit) mean[unit] /= count[unit];
  std::stable_sort(units.begin(), units.end(), [&](uint32_t a, uint32_t b) {
    return static_cast<float>(mean[a]) > static_cast<float>(mean[b]);
  });
  const auto tokens_with = [&](uint32_t unit) {
    std::vector<uint8_t> kept = result.kept;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (words.words[i].unit == unit) kept[i] = 1;
    }
    return counter.Count(RenderPrompt(fixture.prompt, KeepWords(fixture.parts, words, kept)));
  };
  bool ended = false;
  for (const uint32_t unit : units) {
    if (unit_kept[unit] != 0) {
      EXPECT_FALSE(ended) << "a unit is kept though a better one is not";
    } else if (!ended) {
      const size_t with = tokens_with(unit);
      EXPECT_GT(with, budget) << "one more unit would have fitted";
      ended = with - result.tokens <= budget - result.protected_tokens;
    }
  }

  // Once more with the same budget: nothing changes.
  const Fixture again(result.parts);
  const std::vector<float> any(again.words.words.size(), 0.5F);
  EXPECT_EQ(again.Shorten(any, budget, counter).parts, result.parts);
}

TEST(CompressTest, PropertiesHoldForAnyText) {
  RandomPrompts random(17);
  for (int round = 0; round < 1500; ++round) {
    const Fixture fixture(random.Parts());
    std::vector<float> scores;
    for (size_t i = 0; i < fixture.words.words.size(); ++i) scores.push_back(random.Score());
    const PieceCounter counter(1 + random.Below(8));
    const size_t full = counter.Count(RenderPrompt(fixture.prompt, fixture.parts));
    SCOPED_TRACE(round);
    CheckProperties(fixture, scores, random.Below(full + 2), counter);
    if (::testing::Test::HasFailure()) return;
  }
}

// They only tell where to look first. Texts whose tokens grow fewer when a word is added (blanks go
// with words) have more than one right result.
TEST(CompressTest, EstimatesThatAreOffHardlyChangeAResult) {
  RandomPrompts random(18);
  int results = 0;
  int alike = 0;
  for (int round = 0; round < 500; ++round) {
    const Fixture fixture(random.Parts());
    std::vector<float> scores;
    for (size_t i = 0; i < fixture.words.words.size(); ++i) scores.push_back(random.Score());
    const size_t full = PieceCounter().Count(RenderPrompt(fixture.prompt, fixture.parts));
    const size_t budget = random.Below(full + 2);
    const Compressed right = fixture.Shorten(scores, budget);
    for (const double factor : {0.0, 0.6, 1.4}) {
      const Compressed misled = fixture.Shorten(scores, budget, MisleadingCounter(factor));
      EXPECT_LE(misled.tokens, std::max(budget, misled.protected_tokens));
      if (misled.counts == Compressor::kMostCounts || factor > 1) continue;
      ++results;
      if (misled.kept == right.kept) ++alike;
    }
  }
  EXPECT_GT(results, 900);
  EXPECT_GE(alike, 0.99 * results);
}

}  // namespace
}  // namespace elm
