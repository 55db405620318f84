// `elmc baselines` as its users meet it, on the built-in model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/base/testing/child_process.h"
#include "formats/base/testing/temporary_directory.h"

namespace elm {
namespace {

using ::elm::testing::ProgramResult;
using ::testing::HasSubstr;
using ::testing::Not;

class BaselinesCommandTest : public ::testing::Test {
 protected:
  static ProgramResult Elmc(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::ProgramPath("elmc"));
    return testing::RunProgram(arguments);
  }

  // A few questions about two ways of cutting.
  ProgramResult Baselines(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {
        "baselines",       "--quiet", "--tasks",     "pocket:continue",
        "--count",         "2",       "--windows",   "2",
        "--held-out",      "1",       "--threads",   "1",
        "--window-tokens", "65",      "--workspace", Path("work")};
    if (std::count(more.begin(), more.end(), "--levels") == 0) {
      arguments.insert(arguments.end(), {"--levels", "0.5"});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Elmc(arguments);
  }

  void ExpectRefusal(const std::vector<std::string>& arguments, const std::string& text) const {
    const ProgramResult result = Baselines(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  std::string Path(const std::string& name) const { return folder_.Path(name); }

  testing::TemporaryDirectory folder_;
};

TEST_F(BaselinesCommandTest, MethodsBecomeATableAndAFileThatReportShows) {
  const ProgramResult first = Baselines(
      {"--methods", "random,sparsity-oracle", "--tables", "a", "--json", Path("base.json")});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("Table (a): each as it was published"));
  EXPECT_THAT(first.out, HasSubstr("CS oracle"));
  EXPECT_THAT(first.out, Not(HasSubstr("Table (b)")));
  std::ifstream file(Path("base.json"));
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["schema"], "elm-baselines");
  ASSERT_EQ(json["methods"].size(), 2U);
  for (const nlohmann::json& method : json["methods"]) {
    EXPECT_EQ(method["table"], "a");
    const nlohmann::json& levels = method["report"]["levels"];
    ASSERT_EQ(levels.size(), 2U);
    EXPECT_NEAR(levels[0]["reached_share"].get<double>(), 0.5, 0.01);
    EXPECT_EQ(levels[1]["level"], "1.0");
  }

  const ProgramResult second = Elmc({"report", Path("base.json"), "-o", Path("page.html")});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  std::ifstream markdown(Path("page.md"));
  const std::string text{std::istreambuf_iterator<char>(markdown), {}};
  EXPECT_THAT(text, HasSubstr("Table (a)"));
  EXPECT_THAT(text, HasSubstr("| random |"));
  EXPECT_THAT(text, HasSubstr("| CS oracle |"));
}

TEST_F(BaselinesCommandTest, WhatMakesNoSenseIsRefused) {
  ExpectRefusal({"--methods", "lako"}, "\"lako\" is none; did you mean laco?");
  ExpectRefusal({"--tables", "c"}, "--tables: \"c\" is none, expected a, b or both");
  ExpectRefusal({"--levels", "1.0"}, "--levels names no level below 1.0");
  ExpectRefusal({"--levels", "2"}, "\"2\" is no level");
  ExpectRefusal({"--recover", "none"}, "--recover none leaves nothing to compare");
  ExpectRefusal({"--recover", "some"}, "expected none, sft, distill or both");
}

}  // namespace
}  // namespace elm
