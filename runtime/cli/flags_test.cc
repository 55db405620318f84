#include "runtime/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<Flag> kFlags = {
    {"level", 'l', "NAME", "which level"},
    {"count", 'n', "COUNT", "how many"},
    {"json", 0, "", "as JSON"},
    {"tag", 't', "TEXT", "what to call it", /*repeats=*/true},
};

Result<ParsedFlags> Parse(const std::vector<std::string>& words) {
  return ParseFlags(kFlags, words);
}

TEST(Flags, EverySpelling) {
  auto parsed = Parse({"--level", "0.5", "model.elm", "-n", "3", "--json"});
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->Text("level", ""), "0.5");
  EXPECT_EQ(*parsed->Number("count", 0, 10), 3U);
  EXPECT_TRUE(parsed->Has("json"));
  EXPECT_THAT(parsed->arguments(), ElementsAre("model.elm"));

  parsed = Parse({"--level=a=b", "-l"});
  EXPECT_FALSE(parsed.ok());
  parsed = Parse({"--level=a=b", "--", "--json", "-x"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Text("level", ""), "a=b");
  EXPECT_FALSE(parsed->Has("json"));
  EXPECT_THAT(parsed->arguments(), ElementsAre("--json", "-x"));
}

TEST(Flags, ValuesMayBeginWithADashOrBeEmpty) {
  const auto parsed = Parse({"--level", "-1", "--count="});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Text("level", ""), "-1");
  EXPECT_EQ(parsed->Text("count", "x"), "");
}

TEST(Flags, SomeRepeat) {
  const auto parsed = Parse({"--tag", "b", "-n", "1", "-t", "a", "--tag=b"});
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_THAT(parsed->Texts("tag"), ElementsAre("b", "a", "b"));
  EXPECT_TRUE(Parse({})->Texts("tag").empty());
}

TEST(Flags, DefaultsStandWhereNothingIsGiven) {
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Text("level", "1.0"), "1.0");
  EXPECT_EQ(*parsed->Number("count", 7, 10), 7U);
  EXPECT_EQ(*parsed->Real("count", 0.5F), 0.5F);
  EXPECT_TRUE(parsed->arguments().empty());
}

TEST(Flags, MistakesAreExplained) {
  const auto message = [](const std::vector<std::string>& words) {
    const Status status = Parse(words).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_EQ(message({"--levle", "1"}), "unknown option --levle; did you mean --level?");
  EXPECT_EQ(message({"--wrong=1"}), "unknown option --wrong");
  EXPECT_EQ(message({"-x"}), "unknown option -x");
  EXPECT_EQ(message({"-nn"}), "unknown option -nn");
  EXPECT_EQ(message({"--level"}), "--level needs a value: NAME");
  EXPECT_EQ(message({"--json=1"}), "--json takes no value, got \"1\"");
  EXPECT_EQ(message({"--level", "1", "-l", "2"}), "-l is given twice");
}

TEST(Flags, NumbersMustBeNumbers) {
  for (const char* text : {"", "x", "3x", "-1", "11", "1e3", "99999999999999999999"}) {
    const auto parsed = Parse({"--count", text});
    ASSERT_TRUE(parsed.ok());
    const auto number = parsed->Number("count", 0, 10);
    EXPECT_EQ(number.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(number.status().message(), HasSubstr("from 0 to 10")) << text;
  }
  for (const char* text : {"", "x", "1.0x", "nan", "inf", "1e99"}) {
    const auto parsed = Parse({"--count", text});
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed->Real("count", 0).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(*Parse({"--count", "0.25"})->Real("count", 0), 0.25F);
}

TEST(Flags, HelpNamesEveryOption) {
  EXPECT_EQ(DescribeFlags(kFlags),
            "  -l, --level NAME   which level\n"
            "  -n, --count COUNT  how many\n"
            "      --json         as JSON\n"
            "  -t, --tag TEXT     what to call it\n");
}

}  // namespace
}  // namespace elm
