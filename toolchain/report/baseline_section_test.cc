#include "toolchain/report/baseline_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/report/render_markdown.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two levels of which the answers are given.
EvalReport ReportOf(const std::vector<bool>& half, const std::vector<bool>& full,
                    double half_share = 0.5) {
  EvalReport report;
  report.conditions.drop = "none";
  report.families = {{"app", "pocket", half.size(), 0, 0.25, "xxh3:1"}};
  LevelScores level;
  level.name_permille = 500;
  level.reached_share = half_share;
  level.families = {{half, 1}};
  report.levels.push_back(level);
  level.name_permille = 1000;
  level.reached_share = 1;
  level.families = {{full, 1}};
  report.levels.push_back(level);
  return report;
}

constexpr bool T = true;
constexpr bool F = false;

BaselineEntry Entry(const std::string& method, BaselineTable table, uint64_t tokens,
                    const EvalReport& report, const std::string& note = "") {
  return {.method = method,
          .table = table,
          .recovery_tokens = tokens,
          .note = note,
          .made_from = "xxh3:1",
          .report = report};
}

BaselinesReport Sample() {
  using enum BaselineTable;
  const EvalReport elastic = ReportOf({T, T, T, F}, {T, T, T, T});
  return {{Entry("shortgpt", kPublished, 0, ReportOf({T, F, F, F}, {T, T, T, T}, 0.54),
                 "skips whole layers"),
           Entry("elastic", kPublished, 204800, elastic),
           Entry("sparsity-oracle", kPublished, 0, ReportOf({T, T, T, T}, {T, T, T, T})),
           Entry("elastic", kSameRecovery, 204800, elastic),
           Entry("shortgpt", kSameRecovery, 204800, ReportOf({T, T, F, F}, {T, T, T, T}))}};
}

std::vector<ReportSection> Sections(const BaselinesReport& report) {
  ReportContents contents;
  contents.baselines = {{"base", report}};
  return BaselineSections(contents);
}

TEST(BaselineSection, MethodsAreHeldAgainstTheElasticModel) {
  const std::string text = RenderMarkdown(Sections(Sample()));
  EXPECT_THAT(text, HasSubstr("## Alternatives as published\n"));
  EXPECT_THAT(text, HasSubstr("## Alternatives after the same recovery\n"));
  EXPECT_THAT(text, HasSubstr("| method | 0.5 | 1.0 | mean to 0.6 |"));
  EXPECT_THAT(text, HasSubstr("| **elastic (205k tokens)** | **75.0** | **100.0** | **75.0** |\n"));
  // 1 0 0 0 less 1 1 1 0, at another share than its name says.
  EXPECT_THAT(text, HasSubstr("| ShortGPT | 25.0 (-50.0 ±28.9, @54.0 %) | 100.0 | "
                              "25.0 (-50.0 ±28.9) |"));
  EXPECT_THAT(text, HasSubstr("- ShortGPT: skips whole layers\n"));
  // An upper bound is not derived from the model.
  EXPECT_THAT(text,
              HasSubstr("| mean of what is derived from one model | (-50.0) |  | (-50.0) |"));
}

TEST(BaselineSection, AHeavierElasticLevelIsNotHeldAgainstAMethod) {
  BaselinesReport report = Sample();
  report.entries[0].report.levels[0].reached_share = 0.46;
  EXPECT_THAT(RenderMarkdown(Sections(report)), HasSubstr("| ShortGPT | 25.0 (@46.0 %) | 100.0 |"));
}

TEST(BaselineSection, WhatWinsBeyondChanceIsCalledAhead) {
  const std::vector<bool> right(100, true);
  std::vector<bool> some = right;
  for (size_t i = 0; i < 20; ++i) some[i] = false;
  using enum BaselineTable;
  const BaselinesReport report{{Entry("elastic", kPublished, 0, ReportOf(some, right)),
                                Entry("pfs", kPublished, 0, ReportOf(right, right))}};
  EXPECT_THAT(RenderMarkdown(Sections(report)), HasSubstr("| PFS | 100.0 (+20.0 ±4.0 ahead) |"));
}

TEST(BaselineSection, WithoutTheElasticModelThereIsNoDifference) {
  using enum BaselineTable;
  const BaselinesReport report{
      {Entry("shortgpt", kPublished, 0, ReportOf({T, F, F, F}, {T, T, T, T}))}};
  const std::string text = RenderMarkdown(Sections(report));
  EXPECT_THAT(text, HasSubstr("| ShortGPT | 25.0 | 100.0 |  |"));
  EXPECT_THAT(text, Not(HasSubstr("derived from one model")));
}

TEST(BaselineSection, LossesHaveATableOfTheirOwn) {
  BaselinesReport report = Sample();
  for (BaselineEntry& entry : report.entries) {
    entry.report.texts = {{"wiki.txt", 2, 129, "xxh3:3"}};
    const double loss = entry.method == "elastic" ? 2 : 3;
    for (LevelScores& level : entry.report.levels) level.texts = {{{loss, loss + 0.5}}};
  }
  EXPECT_THAT(RenderMarkdown(Sections(report)),
              HasSubstr("| ShortGPT | 3.250 (+1.000 ±0.0000, @54.0 %) | 3.250 (+1.000 ±0.0000) |"));
}

TEST(BaselineSection, TheChartHasALineForEachMethodOverItsOwnShares) {
  const std::vector<ReportSection> sections = Sections(Sample());
  ASSERT_EQ(sections.size(), 2U);
  const ReportChart& chart = sections[0].charts.at(0);
  ASSERT_EQ(chart.lines.size(), 3U);
  EXPECT_EQ(chart.lines[0].name, "elastic");
  EXPECT_TRUE(chart.lines[0].strong);
  EXPECT_EQ(chart.lines[1].points[0], (std::pair<double, double>(54, 25)));
}

}  // namespace
}  // namespace elm
