#include "runtime/cli/bench_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/cli/threads_flag.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Kind = BenchTest::Kind;

ModelConfig Config() {
  ModelConfig config;
  config.context = 1000;
  return config;
}

LevelTable Levels() {
  LevelTable table;
  table.levels = {{300, {}}, {500, {}}, {1000, {}}};
  return table;
}

Result<BenchPlan> Plan(const std::vector<std::string>& words,
                       const ModelConfig& config = Config()) {
  ELM_ASSIGN_OR_RETURN(const ParsedFlags flags, ParseFlags(BenchFlags(), words));
  ELM_ASSIGN_OR_RETURN(const BenchOptions options, ReadBenchOptions(flags));
  return PlanBench(options, config, Levels());
}

std::string Refusal(const std::vector<std::string>& words) {
  const auto plan = Plan(words);
  EXPECT_EQ(plan.status().code(), StatusCode::kInvalidArgument);
  return plan.status().message();
}

TEST(BenchOptionsTest, Defaults) {
  const auto plan = Plan({});
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(plan->tests,
              ElementsAre(BenchTest{Kind::kPrefill, 512}, BenchTest{Kind::kDecode, 64}));
  EXPECT_THAT(plan->levels, ElementsAre(0, 1, 2));
  EXPECT_EQ(plan->repeats, 5U);
  EXPECT_EQ(plan->threads, UsableCores());
  EXPECT_EQ(plan->context, 512U);
  EXPECT_EQ(plan->adapters, AdapterUse::kOn);
}

TEST(BenchOptionsTest, EverythingGiven) {
  const auto plan = Plan({"-p", "64,512,64", "-n", "32", "-t", "1", "-r", "7", "--levels",
                          "1.0,50%,0.5", "--context", "600", "--no-adapters"});
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_THAT(plan->tests,
              ElementsAre(BenchTest{Kind::kPrefill, 64}, BenchTest{Kind::kPrefill, 512},
                          BenchTest{Kind::kDecode, 32}));
  EXPECT_THAT(plan->levels, ElementsAre(2, 1));
  EXPECT_EQ(plan->repeats, 7U);
  EXPECT_EQ(plan->threads, 1U);
  EXPECT_EQ(plan->context, 600U);
  EXPECT_EQ(plan->adapters, AdapterUse::kOff);
}

TEST(BenchOptionsTest, Adapters) {
  EXPECT_EQ(Plan({"--adapters", "on"})->adapters, AdapterUse::kOn);
  EXPECT_EQ(Plan({"--adapters", "off"})->adapters, AdapterUse::kOff);
  EXPECT_EQ(Plan({"--adapters", "off", "--no-adapters"})->adapters, AdapterUse::kOff);
  EXPECT_EQ(Plan({"--adapters=both"})->adapters, AdapterUse::kBoth);
  EXPECT_EQ(Refusal({"--adapters", "some"}), "--adapters is \"some\", expected on, off or both");
  EXPECT_EQ(Refusal({"--adapters", "both", "--no-adapters"}),
            "--no-adapters contradicts --adapters both: give one of them");
}

TEST(BenchOptionsTest, ZeroLeavesAKindOut) {
  EXPECT_THAT(Plan({"-p", "0"})->tests, ElementsAre(BenchTest{Kind::kDecode, 64}));
  EXPECT_THAT(Plan({"-n", "0"})->tests, ElementsAre(BenchTest{Kind::kPrefill, 512}));
  EXPECT_THAT(Refusal({"-n", "0", "-p", "0"}), HasSubstr("nothing is left"));
}

TEST(BenchOptionsTest, DefaultsFitASmallContext) {
  ModelConfig config;
  config.context = 48;
  EXPECT_THAT(Plan({}, config)->tests,
              ElementsAre(BenchTest{Kind::kPrefill, 48}, BenchTest{Kind::kDecode, 48}));
  EXPECT_EQ(Plan({"--context", "16"})->tests.front(), (BenchTest{Kind::kPrefill, 16}));
}

TEST(BenchOptionsTest, WhatDoesNotFitTheContext) {
  EXPECT_EQ(Refusal({"-p", "64,1001"}), "pp1001 takes 1001 tokens, the context holds 1000");
  EXPECT_EQ(Refusal({"-n", "200", "-c", "100", "-p", "100"}),
            "tg200 takes 200 tokens, the context holds 100");
  EXPECT_EQ(Refusal({"-c", "1001"}), "--context is 1001, the model's is 1000");
}

Result<BenchPlan> PlanWithTlm(const std::vector<std::string>& words) {
  ELM_ASSIGN_OR_RETURN(const ParsedFlags flags, ParseFlags(BenchFlags(), words));
  ELM_ASSIGN_OR_RETURN(const BenchOptions options, ReadBenchOptions(flags));
  TlmConfig tlm;
  tlm.positions = 256;
  return PlanBench(options, Config(), Levels(), &tlm);
}

TEST(BenchOptionsTest, TheTinyLmIsMeasuredWhereThereIsOne) {
  EXPECT_THAT(PlanWithTlm({"-p", "0", "-n", "8"})->tests,
              ElementsAre(BenchTest{Kind::kDecode, 8}, BenchTest{Kind::kTlm, 256},
                          BenchTest{Kind::kTlmScore, 256}, BenchTest{Kind::kTlmDecision, 256}));
  EXPECT_THAT(PlanWithTlm({"-p", "0", "-n", "8", "--tlm", "0"})->tests,
              ElementsAre(BenchTest{Kind::kDecode, 8}));
  EXPECT_EQ(PlanWithTlm({"-p", "0", "-n", "0", "--tlm", "64,128"})->tests.size(), 6U);
  EXPECT_EQ(PlanWithTlm({"--tlm", "257"}).status().message(),
            "--tlm: a window holds 256 tokens, not 257");
  EXPECT_EQ(Refusal({"--tlm", "64"}), "--tlm: the bundle has no tiny LM");
}

TEST(BenchOptionsTest, Mistakes) {
  for (const char* text : {"", ",", "64,", "0,64", "x", "6x", "-1", "1.5", "99999999999"}) {
    EXPECT_THAT(Refusal({"-p", text}), HasSubstr("--prompt is \"")) << text;
    EXPECT_THAT(Refusal({"-n", text}), HasSubstr("--generate is \"")) << text;
  }
  EXPECT_EQ(Refusal({"-r", "0"}), "--repeats is 0, expected 1 to 1000");
  EXPECT_THAT(Refusal({"-r", "1001"}), HasSubstr("from 0 to 1000"));
  EXPECT_EQ(Refusal({"-o", "xml"}), "--output is \"xml\", expected md, json or csv");
  EXPECT_THAT(Refusal({"--levels", "0.4"}), HasSubstr("0.3, 0.5, 1.0"));
  EXPECT_THAT(Refusal({"--levels", "0.3,"}), HasSubstr("0.3, 0.5, 1.0"));
}

TEST(BenchOptionsTest, NoMoreThreadsThanCores) {
  const uint32_t cores = UsableCores();
  EXPECT_EQ(Plan({"-t", "0"})->threads, cores);
  EXPECT_EQ(Plan({"-t", std::to_string(cores)})->threads, cores);
  const std::string message = Refusal({"-t", std::to_string(cores + 3)});
  EXPECT_THAT(message, HasSubstr(StrCat("--threads is ", cores + 3)));
  EXPECT_THAT(message, HasSubstr(StrCat(" ", cores, " core")));
}

}  // namespace
}  // namespace elm
