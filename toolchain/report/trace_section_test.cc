#include "toolchain/report/trace_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "toolchain/report/render_markdown.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TraceResults Played() {
  TraceResults results;
  EconomicsResults& economics = results.economics.emplace();
  economics.table = "reference:1.1b-q4";
  economics.policies = {{"elastic", "ours", PolicyRole::kOurs, "", ""},
                        {"laco/a", "LaCo", PolicyRole::kBaseline, "a", "merges layers"}};
  for (int i = 0; i < 4; ++i) {
    TraceCase one{.app = "Rewind", .slo = "ttft=100%,tpot=100%", .family = "fact"};
    one.task = std::to_string(i);
    one.feasible_pairs = 1;
    one.answers["elastic"] = {.met = true, .correct = true};
    one.answers["laco/a"] = {.met = true, .correct = i == 0};
    economics.cases.push_back(one);
  }
  economics.traces = {{.alpha = -0.25, .seed = 1, .cases = {0, 1, 2}},
                      {.alpha = 0.25, .seed = 1, .cases = {0, 1, 2, 3}}};
  DeviceResults& device = results.device.emplace();
  device.table = "a phone";
  DeviceRequest request;
  request.feasible = true;
  device.traces = {{.alpha = 0, .seed = 1, .requests = {request}}};
  return results;
}

TEST(TraceSectionTest, ShowsBothSetUps) {
  ReportContents contents;
  contents.traces = {{"played", Played()}};
  const std::vector<ReportSection> sections = TraceSections(contents);
  ASSERT_EQ(sections.size(), 2U);
  for (const ReportSection& section : sections) {
    for (const ReportTable& table : section.tables) {
      for (const ReportRow& row : table.rows) {
        EXPECT_EQ(row.cells.size(), table.heading.size()) << table.caption;
      }
    }
  }
  EXPECT_EQ(sections[0].charts.size(), 1U) << "several alphas";
  const std::string text = RenderMarkdown(sections);
  for (const char* part : {"LaCo (a)", "mean of the 1 (a)", "alpha -0.25", "+71.4", "Rewind",
                           "LaCo: merges layers", "a phone", "reference:1.1b-q4"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr(" behind")));
}

TEST(TraceSectionTest, LeavesOutWhatIsNotFinished) {
  TraceResults results = Played();
  results.economics->cases[0].answers.erase("laco/a");
  results.device.reset();
  ReportContents contents;
  contents.traces = {{"played", results}};
  EXPECT_THAT(TraceSections(contents), IsEmpty());
}

}  // namespace
}  // namespace elm
