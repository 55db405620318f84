#include "formats/model/tlm_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "formats/model/testing/tiny_tlm.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using testing::TinyTlmSettings;

TEST(TlmSettingsTest, TinyOnesAreValid) {
  const Status status = Validate(TinyTlmSettings());
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(TlmSettingsTest, BrokenRulesAreNamed) {
  struct Rule {
    const char* message;
    std::function<void(TlmSettings&)> break_it;
  };
  const Rule rules[] = {
      {"ttft_permille has 0 entries", [](TlmSettings& s) { s.ttft_permille.clear(); }},
      {"tpot_permille holds 500 behind 500",
       [](TlmSettings& s) {
         s.tpot_permille = {500, 500};
       }},
      {"ttft_permille holds 0 behind 0", [](TlmSettings& s) { s.ttft_permille[0] = 0; }},
      {"model_levels_permille holds 1001 behind 700",
       [](TlmSettings& s) { s.model_levels_permille[1] = 1001; }},
      {"prompt_levels_permille has 4 entries, expected 3",
       [](TlmSettings& s) {
         s.prompt_levels_permille = {1, 2, 3, 4};
       }},
      {"vocabulary has 17 lines, expected vocab 16",
       [](TlmSettings& s) { s.vocabulary += "more\n"; }},
      {"vocabulary: not UTF-8 at byte 1", [](TlmSettings& s) { s.vocabulary[1] = '\xff'; }},
      {"vocabulary: line 6 is empty",
       [](TlmSettings& s) { s.vocabulary.erase(s.vocabulary.find("the\n"), 3); }},
      {"vocabulary: [SEP] is missing",
       [](TlmSettings& s) { s.vocabulary[s.vocabulary.find("[SEP]")] = '{'; }},
      {"vocabulary: line 12 is \"[ttft=0.2]\", expected the SLO token [ttft=0.3]",
       [](TlmSettings& s) { s.ttft_permille[0] = 300; }},
      {"expected the SLO token [tpot=0.6]", [](TlmSettings& s) { s.tpot_permille[0] = 600; }},
      {"question_suffix: not UTF-8 at byte 0",
       [](TlmSettings& s) { s.prompt.question_suffix = "\x80"; }},
      {"joiner has 4097 bytes", [](TlmSettings& s) { s.prompt.joiner.assign(4097, ' '); }},
      {"decision is 2", [](TlmSettings& s) { s.decision = DecisionKind{2}; }},
      {"window_overlap is 24, expected below positions 24",
       [](TlmSettings& s) { s.window_overlap = 24; }},
      {"heads is 0", [](TlmSettings& s) { s.config.heads = 0; }},
  };
  for (const Rule& rule : rules) {
    TlmSettings settings = TinyTlmSettings();
    rule.break_it(settings);
    EXPECT_THAT(Validate(settings).message(), HasSubstr(rule.message));
  }
}

TEST(TlmSettingsTest, MoreSloTokensThanLinesAreNoCrash) {
  TlmSettings settings = TinyTlmSettings();
  settings.vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]";
  settings.config.vocab = 5;
  settings.ttft_permille = {1, 2, 3, 4, 5};
  EXPECT_THAT(Validate(settings).message(), HasSubstr("fewer than SLO tokens"));
}

// A request for 100 % is never fed as 90 %, and a strict one never as a laxer one.
TEST(TlmSettingsTest, AnSloTakesTheTokenThatIsNotLaxer) {
  const std::vector<uint32_t> permille = {200, 500, 900, 1000};
  EXPECT_EQ(SloIndex(permille, 1.0), 3U);
  EXPECT_EQ(SloIndex(permille, 2.0), 3U);
  EXPECT_EQ(SloIndex(permille, 0.9), 2U);  // 0.9 * 1000 is not 900 in binary
  EXPECT_EQ(SloIndex(permille, 0.95), 2U);
  EXPECT_EQ(SloIndex(permille, 0.899), 1U);
  EXPECT_EQ(SloIndex(permille, 0.2), 0U);
  EXPECT_EQ(SloIndex(permille, 0.05), 0U);
}

TEST(TlmSettingsTest, SloTokensAreTheLastRowsOfTheVocabulary) {
  const TlmSettings settings = TinyTlmSettings();
  EXPECT_EQ(TtftId(settings, 0.2), 11U);
  EXPECT_EQ(TtftId(settings, 1.0), 13U);
  EXPECT_EQ(TpotId(settings, 0.5), 14U);
  EXPECT_EQ(TpotId(settings, 1.0), 15U);
}

}  // namespace
}  // namespace elm
