#include "toolchain/report/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Three levels of which the middle one answers worse than the lightest.
NamedReport Sample() {
  EvalReport report;
  report.tool_version = "0.1.0";
  report.model_form = "elm bundle";
  report.conditions = {"runtime", "float32", "test", 1, 4, 0, "none", 1};
  report.families = {{"app", "pocket", 4, 0, 0.25, "xxh3:1"},
                     {"<b>fact</b>", "pocket", 4, 0, 0.25, "xxh3:2"}};
  report.texts = {{"wiki</script>.txt", 2, 129, "xxh3:3"}};
  report.latency = LatencyOptions{};
  const auto add = [&](uint32_t name, const std::vector<bool>& correct, double ms) {
    LevelScores level;
    level.name_permille = name;
    level.reached_share = name / 1000.0;
    level.families = {{correct, 1}, {correct, 1}};
    level.texts = {{{2.0, 2.5}}};
    level.latency = {ms, ms / 10};
    report.levels.push_back(level);
  };
  add(300, {true, true, false, false}, 3);
  add(500, {true, false, false, false}, 5);
  add(1000, {true, true, true, false}, 10);
  return {"mine", report};
}

TEST(ReportPage, DominatedLevelsAreNamed) {
  EXPECT_THAT(DominatedBy(Sample().report), ElementsAre("", "0.3", ""));
}

TEST(ReportPage, MarkdownHoldsEveryNumber) {
  const std::vector<NamedReport> reports = {Sample()};
  const std::string text = ReportMarkdown(reports);
  EXPECT_THAT(text, HasSubstr("## mine\n"));
  EXPECT_THAT(text, HasSubstr("| 0.5 | 50.0 % | 25.0 ±25.0 |"));
  EXPECT_THAT(text, HasSubstr("| 5.00 | 50 % | 0.50 | 50 % | dominated by 0.3 |"));
  EXPECT_THAT(text, HasSubstr("| -25.0"));
}

TEST(ReportPage, ThePageHoldsWhatItShowsAndNothingFromElsewhere) {
  const std::vector<NamedReport> reports = {Sample(), Sample()};
  const std::string page = ReportPage(reports, "/* the library */");
  EXPECT_THAT(page, HasSubstr("/* the library */"));
  EXPECT_THAT(page, HasSubstr("Mean accuracy"));
  EXPECT_THAT(page, HasSubstr("Latency, mine"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, HasSubstr("tr class=\"dominated\""));
}

TEST(ReportPage, NamesFromFilesCannotBreakThePage) {
  const std::vector<NamedReport> reports = {Sample()};
  const std::string page = ReportPage(reports, "");
  EXPECT_THAT(page, Not(HasSubstr("<b>fact")));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;fact"));
  EXPECT_THAT(page, Not(HasSubstr("wiki</script>")));
  EXPECT_THAT(page, HasSubstr("wiki\\u003c/script>"));
}

}  // namespace
}  // namespace elm
