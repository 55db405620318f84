#include "toolchain/trace/trace_summary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace elm {
namespace {

PolicyAnswer Answer(bool correct, bool met) { return {.met = met, .correct = correct}; }

// Four cases, the last one infeasible. Ours is right on 0, 1, 2; two baselines on {0} and {0, 1}.
EconomicsResults SmallResults() {
  EconomicsResults results;
  results.policies = {{"elastic", "ours", PolicyRole::kOurs, "", ""},
                      {"one/a", "One", PolicyRole::kBaseline, "a", ""},
                      {"two/a", "Two", PolicyRole::kBaseline, "a", ""},
                      {"full", "full model", PolicyRole::kOther, "", ""}};
  const std::vector<std::vector<bool>> correct = {{true, true, true, true},
                                                  {true, false, true, true},
                                                  {true, false, false, true},
                                                  {false, false, false, true}};
  for (size_t i = 0; i < correct.size(); ++i) {
    const bool feasible = i != 3;
    TraceCase one{.app = "A", .slo = "ttft=20%", .family = "fact", .task = std::to_string(i)};
    one.feasible_pairs = feasible ? 5 : 0;
    one.answers["elastic"] = Answer(correct[i][0], feasible);
    one.answers["one/a"] = Answer(correct[i][1], i == 0);
    one.answers["two/a"] = Answer(correct[i][2], false);
    one.answers["full"] = Answer(correct[i][3], false);
    results.cases.push_back(one);
  }
  results.traces = {{.alpha = 0.25, .seed = 1, .cases = {0, 1, 2, 3}},
                    {.alpha = -0.25, .seed = 1, .cases = {3, 3}}};
  return results;
}

TEST(TraceSummaryTest, GroupsByAlphaAscendingThenAll) {
  const std::vector<GroupSummary> groups = Summarise(SmallResults());
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].alpha, -0.25);
  EXPECT_EQ(groups[1].alpha, 0.25);
  EXPECT_FALSE(groups[2].alpha);
  EXPECT_EQ(groups[2].traces, 2U);
  EXPECT_EQ(groups[2].requests, 6U);
}

TEST(TraceSummaryTest, AccuracyAttainmentAndLead) {
  const GroupSummary group = Summarise(SmallResults())[1];
  const PolicySummary* ours = group.Find("elastic");
  const PolicySummary* one = group.Find("one/a");
  ASSERT_NE(ours, nullptr);
  ASSERT_NE(one, nullptr);
  EXPECT_DOUBLE_EQ(ours->accuracy.value, 0.75);
  EXPECT_DOUBLE_EQ(ours->attainment.share(), 1);
  EXPECT_DOUBLE_EQ(ours->attainment.of_all(), 0.75);
  EXPECT_DOUBLE_EQ(one->accuracy.value, 0.25);
  EXPECT_DOUBLE_EQ(one->attainment.share(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(one->lead.value, 0.5);
  const std::vector<double> differences = {0, 1, 1, 0};
  EXPECT_NEAR(one->lead.standard_error, MeanOf(differences).standard_error, 1e-12);
  EXPECT_FALSE(one->ahead_of_ours());
  EXPECT_DOUBLE_EQ(group.Find("full")->lead.value, -0.25);
}

TEST(TraceSummaryTest, TheMeanOfBaselinesStandsBehindThem) {
  const GroupSummary group = Summarise(SmallResults())[1];
  ASSERT_EQ(group.policies.size(), 5U);
  EXPECT_EQ(group.policies[3].name, "mean/a");
  EXPECT_DOUBLE_EQ(group.policies[3].accuracy.value, 0.375);
  EXPECT_DOUBLE_EQ(group.policies[3].attainment.share(), 1.0 / 6);
  EXPECT_DOUBLE_EQ(group.policies[3].lead.value, 0.375);
}

TEST(TraceSummaryTest, OursIsBehindOnlyBeyondTheInterval) {
  PolicySummary other;
  other.lead = {-0.02, 0.02};
  EXPECT_FALSE(other.ahead_of_ours());
  other.lead = {-0.05, 0.02};
  EXPECT_TRUE(other.ahead_of_ours());
}

DeviceRequest OnDevice(const std::string& task, bool feasible, bool met, double ttft) {
  DeviceRequest request;
  request.app = "A";
  request.task = task;
  request.feasible = feasible;
  request.met = met;
  request.correct = met;
  request.predicted_ttft_ms = 10;
  request.ttft_ms = ttft;
  request.tlm_ms = ttft / 10;
  return request;
}

TEST(TraceSummaryTest, DeviceAttainmentIsOverFeasibleRequests) {
  DeviceResults results;
  results.traces = {{.alpha = 0,
                     .seed = 1,
                     .requests = {OnDevice("a", true, true, 10), OnDevice("b", true, false, 20),
                                  OnDevice("c", false, false, 12)}}};
  const std::vector<DeviceSummary> summaries = Summarise(results);
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_DOUBLE_EQ(summaries[0].attainment.share(), 0.5);
  EXPECT_DOUBLE_EQ(summaries[0].attainment.of_all(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(summaries[0].ttft_median, 1.2);
  EXPECT_DOUBLE_EQ(summaries[0].ttft_p95, 2);
  EXPECT_DOUBLE_EQ(summaries[0].tpot_median, 0) << "nothing predicted";
  EXPECT_NEAR(summaries[0].tlm_share, 0.1, 1e-12);
}

TEST(TraceSummaryTest, FamiliesApart) {
  const std::vector<FamilySummary> families = SummariseFamilies(SmallResults(), "one/a");
  ASSERT_EQ(families.size(), 1U);
  EXPECT_EQ(families[0].requests, 6U);
  EXPECT_DOUBLE_EQ(families[0].accuracy.value, 1.0 / 6);
}

}  // namespace
}  // namespace elm
