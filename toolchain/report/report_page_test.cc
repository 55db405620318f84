// Evaluations as sections, and sections as page, Markdown and JSON.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/eval/eval_report_json.h"
#include "toolchain/report/level_sections.h"
#include "toolchain/report/render_json.h"
#include "toolchain/report/render_markdown.h"
#include "toolchain/report/render_page.h"
#include "toolchain/report/report_sections.h"

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
  report.latency = LatencyOptions{.repeats = 2};
  report.machine = MachineRates{"bf16 dot products", {1e10, 1e10}, {9e10, 9e10}};
  const auto add = [&](uint32_t name, const std::vector<bool>& correct, double ms) {
    LevelScores level;
    level.name_permille = name;
    level.reached_share = name / 1000.0 - 0.001;
    level.families = {{correct, 1.5}, {correct, 0.5}};
    level.texts = {{{2.0, 2.5}}};
    level.size = {name * 1024, name < 1000 ? 2048U : 0};
    const RequestTimes times{{ms, ms}, {ms / 10, ms / 10}};
    std::optional<RequestTimes> without;
    if (name < 1000) {
      without = RequestTimes{{ms / 1.04, ms / 1.04}, {ms / 10.5, ms / 10.5}};
      level.without_adapter = {{{{false, true, false, false}, 2}, {{false, false, false, true}, 2}},
                               {{{3.0, 3.25}}}};
    }
    level.latency = MakeLatency(times, without);
    report.levels.push_back(level);
  };
  add(300, {true, true, false, false}, 3);
  add(500, {true, false, false, false}, 5);
  add(1000, {true, true, true, false}, 10);
  return {"mine", report};
}

std::vector<ReportSection> SampleSections() {
  return ReportSections({.evaluations = {Sample(), Sample()}, .baselines = {}});
}

TEST(ReportPage, DominatedLevelsAreNamed) {
  EXPECT_THAT(DominatedBy(Sample().report), ElementsAre("", "0.3", ""));
}

TEST(ReportPage, MarkdownHoldsEveryNumber) {
  const std::string text = RenderMarkdown(SampleSections());
  EXPECT_THAT(text, HasSubstr("## mine\n"));
  // Accuracy, and the paired difference from the dense model: 1 1 0 0 less 1 1 1 0.
  EXPECT_THAT(text, HasSubstr("| 0.3 | 29.9 % | 50.0 (-25.0 ±25.0) | 50.0 (-25.0 ±25.0) | "
                              "50.0 (-25.0 ±17.7) | 1.000 | 2.250 (+0.0000 ±0.0000) |"));
  EXPECT_THAT(text, HasSubstr("| dominated by 0.3 |"));
  EXPECT_THAT(text, HasSubstr("| **1.0 (dense)** | **99.9 %** | **75.0 ±25.0** |"));
  EXPECT_THAT(text, HasSubstr("| 0.5 | 50 % | 49.9 % | 500.0 KiB | 2.00 KiB | 5.00 (50 %) | "
                              "0.50 (50 %) |"));
  // Right with the adapter 1 1 0 0, without it 0 1 0 0 and 0 0 0 1.
  EXPECT_THAT(text, HasSubstr("| 0.3 | +25.0 ±25.0 | +25.0 ±47.9 | +25.0 ±27.0 | "
                              "+0.8750 ±0.1250 | +4.0% | +5.0% |"));
  EXPECT_THAT(text, HasSubstr("10.0 GB/s, 90 G bf16 dot products/s"));
}

TEST(ReportPage, ThePageHoldsWhatItShowsAndNothingFromElsewhere) {
  const std::string page = RenderPage(SampleSections(), "/* the library */");
  for (const char* part :
       {"/* the library */", "Mean accuracy", "Latency, mine", "Loss on text",
        "mine without adapters", "time to first token, ms", "tr class=\"faint\"",
        "tr class=\"strong\"", "prefers-color-scheme: dark", "width=device-width"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
}

TEST(ReportPage, NamesFromFilesCannotBreakThePage) {
  const std::string page = RenderPage(SampleSections(), "");
  EXPECT_THAT(page, Not(HasSubstr("<b>fact")));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;fact"));
  EXPECT_THAT(page, Not(HasSubstr("wiki</script>")));
  EXPECT_THAT(page, HasSubstr("wiki\\u003c/script>"));
}

TEST(ReportPage, TheJsonHasWhatThePageShows) {
  const nlohmann::json json = RenderJson(SampleSections());
  EXPECT_EQ(json["schema"], "elm-report");
  EXPECT_EQ(json["schema_version"], 1);
  ASSERT_EQ(json["sections"].size(), 3U);
  const nlohmann::json& chart = json["sections"][0]["charts"][0];
  EXPECT_EQ(chart["title"], "Mean accuracy");
  EXPECT_EQ(chart["lines"][0]["points"][0]["y"], 50);
  EXPECT_TRUE(chart["x_max"] == 100);
  for (const nlohmann::json& table : json["sections"][1]["tables"]) {
    for (const nlohmann::json& row : table["rows"]) {
      EXPECT_EQ(row["cells"].size(), table["heading"].size()) << table["caption"];
    }
  }
}

TEST(ReportPage, AnOldEvaluationHasASectionWithoutWhatItLacks) {
  NamedReport old = Sample();
  old.report.machine.reset();
  for (LevelScores& level : old.report.levels) {
    level.size.reset();
    level.without_adapter.reset();
    level.latency->rounds = {};
    level.latency->without_adapter.reset();
  }
  const std::string text = RenderMarkdown(ReportSections({.evaluations = {old}, .baselines = {}}));
  EXPECT_THAT(text, HasSubstr("| 0.5 | 50 % | 49.9 % | 5.00 (50 %) | 0.50 (50 %) |"));
  EXPECT_THAT(text, Not(HasSubstr("adapter brings")));
}

TEST(ReportPage, FilesThatNoSectionShowsAreRefused) {
  const testing::TemporaryDirectory directory;
  const auto refusal = [&](const std::string& contents) {
    std::ofstream(directory.Path("x.json")) << contents;
    ReportContents read;
    try {
      AddReportFile(directory.Path("x.json"), read);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(R"({"schema": "elm-bench"})"), HasSubstr("schema is \"elm-bench\""));
  EXPECT_THAT(refusal("[]"), HasSubstr("x.json: schema is \"\""));
  EXPECT_THAT(refusal("no"), HasSubstr("x.json"));
  EXPECT_EQ(refusal(ToJson(Sample().report).dump()), "");
}

}  // namespace
}  // namespace elm
