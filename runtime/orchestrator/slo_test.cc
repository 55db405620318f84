#include "runtime/orchestrator/slo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Unit = SloBound::Unit;

TEST(SloTest, ReadsSharesAndTimes) {
  const auto slo = ParseSlo("ttft=40%,tpot=70%");
  ASSERT_TRUE(slo.ok());
  EXPECT_EQ(*slo, (Slo{SloBound{0.4, Unit::kShare}, SloBound{0.7, Unit::kShare}}));
  EXPECT_EQ(*ParseSlo("ttft=300ms,tpot=40ms"),
            (Slo{SloBound{300, Unit::kMilliseconds}, SloBound{40, Unit::kMilliseconds}}));
  EXPECT_EQ(*ParseSlo(" tpot = 0.5s , ttft = 12.5 % "),
            (Slo{SloBound{0.125, Unit::kShare}, SloBound{500, Unit::kMilliseconds}}));
  EXPECT_EQ(*ParseSlo("ttft=100%"), (Slo{SloBound{1, Unit::kShare}, std::nullopt}));
  EXPECT_EQ(*ParseSlo("tpot=1e2ms"), (Slo{std::nullopt, SloBound{100, Unit::kMilliseconds}}));
}

TEST(SloTest, ReadsWhatItWrites) {
  for (const char* text : {"ttft=40%,tpot=70%", "ttft=300ms,tpot=40ms", "ttft=33.3%", "tpot=0.5ms",
                           "ttft=100%,tpot=1.25ms"}) {
    EXPECT_EQ(SloText(*ParseSlo(text)), text);
  }
  EXPECT_EQ(SloText(*ParseSlo("tpot=2s")), "tpot=2000ms");
}

TEST(SloTest, RefusesInOneClearLine) {
  const auto message = [](const char* text) {
    const Status status = ParseSlo(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
    EXPECT_THAT(status.message(), StartsWith("SLO: "));
    return status.message();
  };
  EXPECT_EQ(message("ttft=0%"), "SLO: ttft is 0 %, expected more than 0 and at most 10000 %");
  EXPECT_THAT(message("ttft=40%,tpot=-3ms"), HasSubstr("tpot is -3 ms"));
  EXPECT_THAT(message("ttft=20000%"), HasSubstr("at most 10000 %"));
  EXPECT_THAT(message("ttft=1e9s"), HasSubstr("at most 1e+07 ms"));
  EXPECT_THAT(message("ttft=40"), HasSubstr("ttft is \"40\", expected a number with %, ms or s"));
  EXPECT_THAT(message("ttft=fast"), HasSubstr("\"fast\""));
  EXPECT_THAT(message("ttft=%"), HasSubstr("\"%\""));
  EXPECT_THAT(message("ttft=nan%"), HasSubstr("expected more than 0"));
  EXPECT_THAT(message("ttft=infms"), HasSubstr("expected more than 0"));
  EXPECT_THAT(message("ttft=4 0%"), HasSubstr("\"4 0%\""));
  EXPECT_THAT(message("ttft=1%,ttft=2%"), HasSubstr("ttft is given twice"));
  EXPECT_THAT(message("ttf=40%"), HasSubstr("\"ttf=40%\" is no bound, expected for example"));
  EXPECT_THAT(message("40%"), HasSubstr("no bound"));
  EXPECT_THAT(message(""), HasSubstr("no bound"));
  EXPECT_THAT(message("ttft=40%,"), HasSubstr("no bound"));
  EXPECT_THAT(message("ttft=40%;tpot=70%\n"), HasSubstr("\\x0a"));
}

TEST(SloTest, ValidatesWhatWasNotParsed) {
  EXPECT_TRUE(Validate(Slo{}).ok());
  EXPECT_FALSE(Validate(Slo{SloBound{0, Unit::kShare}, std::nullopt}).ok());
  EXPECT_FALSE(Validate(Slo{std::nullopt, SloBound{std::nan(""), Unit::kMilliseconds}}).ok());
}

TEST(SloTest, LimitsInMilliseconds) {
  EXPECT_DOUBLE_EQ((SloBound{0.4, Unit::kShare}.Limit(200)), 80);
  EXPECT_DOUBLE_EQ((SloBound{300, Unit::kMilliseconds}.Limit(200)), 300);
}

}  // namespace
}  // namespace elm
