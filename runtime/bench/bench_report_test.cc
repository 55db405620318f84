#include "runtime/bench/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Kind = BenchTest::Kind;
using Json = nlohmann::json;

// Invented times, so that every figure can be told beforehand.
class BenchReportTest : public ::testing::Test {
 protected:
  BenchReportTest() : model_(*testing::LoadSmallModel(testing::SmallContents())) {
    result_.plan.tests = {{Kind::kPrefill, 10}, {Kind::kDecode, 4}};
    result_.plan.levels = {0, 2};
    result_.plan.threads = 2;
    result_.plan.repeats = 5;
    result_.plan.context = 10;
    result_.repeats = 5;
    for (const BenchTest& test : result_.plan.tests) {
      for (const size_t level : result_.plan.levels) {
        BenchRow row = {test, level, false, {}};
        for (const double part : {0.2, 1.0, 0.4, 0.5, 0.25}) {
          row.samples.push_back({test.tokens * 0.001 / part, {1e9 * part, 4e9 * part}});
        }
        result_.rows.push_back(row);
      }
    }
  }

  BenchReport Report() const {
    return {*model_, result_, **FindKernels("scalar"), {"Some, \"odd\" CPU", {}}, 4, "1.2.3"};
  }

  std::shared_ptr<const Model> model_;
  BenchResult result_;
};

TEST_F(BenchReportTest, Figures) {
  // 10 tokens: 200, 1000, 400, 500 and 250 tokens per second.
  const BenchReport report = Report();
  const BenchFigures prefill = FiguresOf(report, result_.rows[1]);
  EXPECT_NEAR(prefill.tokens_per_second.median, 400, 1e-9);
  EXPECT_NEAR(prefill.tokens_per_second.p10, 220, 1e-9);
  EXPECT_NEAR(prefill.tokens_per_second.p90, 800, 1e-9);
  EXPECT_NEAR(prefill.ms_per_token, 2.5, 1e-9);
  EXPECT_EQ(prefill.bytes_per_second, 0);
  // The machine and the measurement went up and down together: their ratio did not move.
  const LevelWork work = WorkOf(model_->bundle().view(), 2);
  EXPECT_NEAR(prefill.operations_share, work.Operations(10, 1) / 0.01 / 4e9, 1e-12);

  const BenchFigures decode = FiguresOf(report, result_.rows[3]);
  EXPECT_NEAR(decode.bytes_per_second, 400.0 * static_cast<double>(work.token_bytes), 1e-3);
  EXPECT_NEAR(decode.bandwidth_share, 1000.0 * static_cast<double>(work.token_bytes) / 1e9, 1e-12);
  EXPECT_NEAR(decode.operations_share, work.Operations(4, 4) / 0.004 / 4e9, 1e-12);
}

TEST_F(BenchReportTest, JsonSchema) {
  const Json json = Json::parse(BenchJson(Report()));
  EXPECT_EQ(json.at("schema"), "elm-bench");
  EXPECT_EQ(json.at("schema_version"), 1);
  EXPECT_EQ(json.at("elm_version"), "1.2.3");
  EXPECT_EQ(
      json.at("machine"),
      Json({{"cpu", "Some, \"odd\" CPU"}, {"cores", 4}, {"kernels", "scalar"}, {"threads", 2}}));
  EXPECT_EQ(json.at("model").at("weight_type"), "f32");
  EXPECT_EQ(json.at("model").at("weight_types"), Json({{"f32", 1.0}}));
  EXPECT_GE(json.at("model").at("bits_per_weight"), 32);
  EXPECT_GT(json.at("model").at("weights"), 0);
  EXPECT_EQ(json.at("context"), 10);
  EXPECT_EQ(json.at("repeats"), 5);
  EXPECT_EQ(json.at("interrupted"), false);
  EXPECT_EQ(json.at("probe").at("threads"), 2);
  EXPECT_EQ(json.at("probe").at("operation"), "float32 multiply-adds");
  EXPECT_NEAR(json.at("probe").at("read_bytes_per_second").at("median").get<double>(), 0.4e9, 1);
  EXPECT_NEAR(json.at("probe").at("operations_per_second").at("p90").get<double>(), 4e9, 1);

  ASSERT_EQ(json.at("rows").size(), 4U);
  const Json& prefill = json.at("rows")[0];
  EXPECT_EQ(prefill.at("test"), "pp10");
  EXPECT_EQ(prefill.at("kind"), "prefill");
  EXPECT_EQ(prefill.at("tokens"), 10);
  EXPECT_EQ(prefill.at("level"), "0.3");
  EXPECT_LT(prefill.at("true_share"), 1);
  EXPECT_EQ(prefill.at("seconds").size(), 5U);
  EXPECT_TRUE(prefill.at("weight_bytes_per_token").is_null());
  EXPECT_TRUE(prefill.at("weight_bytes_per_second").is_null());
  EXPECT_TRUE(prefill.at("share_of_read_bandwidth").is_null());
  EXPECT_GT(prefill.at("share_of_operations"), 0);
  const Json& decode = json.at("rows")[3];
  EXPECT_EQ(decode.at("test"), "tg4");
  EXPECT_EQ(decode.at("kind"), "decode");
  EXPECT_EQ(decode.at("level"), "1.0");
  EXPECT_EQ(decode.at("true_share"), 1);
  EXPECT_GT(decode.at("weight_bytes_per_token"), 0);
  EXPECT_GT(decode.at("weight_bytes_per_second"), 0);
  EXPECT_GT(decode.at("share_of_read_bandwidth"), 0);
  EXPECT_NEAR(decode.at("tokens_per_second").at("median").get<double>(), 400, 1e-9);
  EXPECT_NEAR(decode.at("ms_per_token").get<double>(), 2.5, 1e-9);
}

TEST_F(BenchReportTest, AnInterruptedRunSaysSo) {
  for (BenchRow& row : result_.rows) row.samples.resize(2);
  result_.repeats = 2;
  const Json json = Json::parse(BenchJson(Report()));
  EXPECT_EQ(json.at("repeats"), 2);
  EXPECT_EQ(json.at("interrupted"), true);
  EXPECT_THAT(BenchMarkdown(Report()), HasSubstr("medians of 2 repeats"));
}

TEST_F(BenchReportTest, Markdown) {
  const std::string text = BenchMarkdown(Report());
  EXPECT_THAT(text, HasSubstr("Some, \"odd\" CPU, 4 cores; scalar (plain C++), 2 threads\n"));
  EXPECT_THAT(text, HasSubstr("f32"));
  EXPECT_THAT(text, HasSubstr("bits per weight"));
  EXPECT_THAT(text, HasSubstr("float32 multiply-adds 1.6 Gop/s (p10 0.8, p90 4.0)"));
  EXPECT_THAT(text, HasSubstr("| tg4  | 1.0   |   400.00 |"));
  // All lines of the table are as wide.
  std::istringstream lines(text.substr(text.find("| test")));
  std::string first, line;
  std::getline(lines, first);
  int count = 1;
  for (; std::getline(lines, line); ++count) EXPECT_EQ(line.size(), first.size()) << line;
  EXPECT_EQ(count, 6);
}

TEST_F(BenchReportTest, SaysWhichLevelsHadAnAdapter) {
  EXPECT_THAT(BenchMarkdown(Report()), HasSubstr("context 10 tokens\n"));
  BundleContents contents = testing::SmallContents();
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 1});
  model_ = *testing::LoadSmallModel(contents);
  for (BenchRow& row : result_.rows) row.adapter = row.level == 0;
  const Json with = Json::parse(BenchJson(Report()));
  EXPECT_EQ(with.at("rows")[0].at("adapter"), true);
  EXPECT_EQ(with.at("rows")[1].at("adapter"), false);
  EXPECT_TRUE(with.at("rows")[0].at("adapter_overhead").is_null());
  EXPECT_EQ(with.at("adapters"), "on");
  EXPECT_THAT(BenchMarkdown(Report()), HasSubstr("context 10 tokens, with adapters\n"));
  EXPECT_THAT(BenchMarkdown(Report()), Not(HasSubstr("overhead")));
  result_.plan.adapters = AdapterUse::kOff;
  for (BenchRow& row : result_.rows) row.adapter = false;
  const Json without = Json::parse(BenchJson(Report()));
  EXPECT_EQ(without.at("rows")[0].at("adapter"), false);
  EXPECT_LT(without.at("rows")[2].at("weight_bytes_per_token"),
            with.at("rows")[2].at("weight_bytes_per_token"));
  EXPECT_EQ(without.at("adapters"), "off");
  EXPECT_THAT(BenchMarkdown(Report()), HasSubstr("context 10 tokens, without adapters\n"));
}

TEST_F(BenchReportTest, WhatAdaptersCostIsComparedRepeatByRepeat) {
  BundleContents contents = testing::SmallContents();
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 1});
  model_ = *testing::LoadSmallModel(contents);
  result_.plan.adapters = AdapterUse::kBoth;
  // The times go up and down fivefold; each with the adapter is a bit above its neighbour's.
  BenchRow with = result_.rows[0];
  with.adapter = true;
  const double factors[] = {1.04, 1.02, 1.10, 1.03, 0.99};
  for (size_t i = 0; i < with.samples.size(); ++i) with.samples[i].seconds *= factors[i];
  result_.rows.insert(result_.rows.begin() + 1, with);

  const BenchFigures figures = FiguresOf(Report(), result_.rows[1]);
  ASSERT_TRUE(figures.adapter_overhead.has_value());
  EXPECT_NEAR(figures.adapter_overhead->median, 0.03, 1e-9);
  EXPECT_NEAR(figures.adapter_overhead->p10, 0.002, 1e-9);
  EXPECT_NEAR(figures.adapter_overhead->p90, 0.076, 1e-9);
  EXPECT_FALSE(FiguresOf(Report(), result_.rows[0]).adapter_overhead.has_value());

  const Json json = Json::parse(BenchJson(Report()));
  EXPECT_EQ(json.at("adapters"), "both");
  EXPECT_EQ(json.at("rows")[0].at("adapter"), false);
  EXPECT_TRUE(json.at("rows")[0].at("adapter_overhead").is_null());
  EXPECT_EQ(json.at("rows")[1].at("adapter"), true);
  EXPECT_NEAR(json.at("rows")[1].at("adapter_overhead").at("median").get<double>(), 0.03, 1e-9);
  const std::string text = BenchMarkdown(Report());
  EXPECT_THAT(text, HasSubstr("context 10 tokens, with and without adapters in turn\n"));
  EXPECT_THAT(text, HasSubstr("|    with | 3.0 % (0.2 to 7.6) |\n"));
  EXPECT_THAT(text, HasSubstr("| without |                    |\n"));
  EXPECT_THAT(BenchCsv(Report()), HasSubstr(",0.0300,0.0020,0.0760\n"));
}

// Commas outside quotes.
size_t Separators(const std::string& line) {
  size_t count = 0;
  bool quoted = false;
  for (const char letter : line) {
    if (letter == '"') quoted = !quoted;
    if (letter == ',' && !quoted) ++count;
  }
  return count;
}

TEST_F(BenchReportTest, Csv) {
  const std::string text = BenchCsv(Report());
  EXPECT_THAT(text, StartsWith("test,level,true_share,tokens_per_second,"));
  EXPECT_THAT(text, HasSubstr("tg4,1.0,1.000000,400.0000,220.0000,800.0000,2.500000,"));
  EXPECT_THAT(text, HasSubstr(",\"Some, \"\"odd\"\" CPU\","));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  std::istringstream lines(text);
  std::string first, line;
  std::getline(lines, first);
  while (std::getline(lines, line)) EXPECT_EQ(Separators(line), Separators(first)) << line;
}

}  // namespace
}  // namespace elm
