#include "runtime/bench/bench_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/engine/testing/tiny_model.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

using Kind = BenchTest::Kind;

class BenchRunTest : public ::testing::Test {
 protected:
  BenchRunTest() : model_(*testing::LoadSmallModel(testing::SmallContents())) {
    plan_.tests = {{Kind::kPrefill, 20}, {Kind::kDecode, 4}};
    plan_.levels = {0, 2};
    plan_.repeats = 3;
    plan_.context = 20;
    plan_.probe_bytes = size_t{1} << 20;
  }

  Result<BenchResult> Run(const BenchHooks& hooks = {}) {
    return RunBench(model_, **ChooseKernels(), plan_, hooks);
  }

  std::shared_ptr<const Model> model_;
  BenchPlan plan_;
};

TEST_F(BenchRunTest, EveryTestAtEveryLevel) {
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->repeats, 3U);
  ASSERT_EQ(result->rows.size(), 4U);
  const std::vector<std::pair<std::string, size_t>> expected = {
      {"pp20", 0}, {"pp20", 2}, {"tg4", 0}, {"tg4", 2}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const BenchRow& row = result->rows[i];
    EXPECT_EQ(row.test.name(), expected[i].first);
    EXPECT_EQ(row.level, expected[i].second);
    ASSERT_EQ(row.samples.size(), 3U);
    for (const BenchSample& sample : row.samples) {
      EXPECT_GT(sample.seconds, 0);
      EXPECT_GT(sample.probe.read_bytes_per_second, 0);
      EXPECT_GT(sample.probe.operations_per_second, 0);
    }
  }
}

TEST_F(BenchRunTest, LevelsTakeTurnsWithinARepeat) {
  std::vector<std::string> announced;
  double last = -1;
  const auto result = Run({.progress = [&](const std::string& what, double done) {
    announced.push_back(what);
    EXPECT_GT(done, last);
    EXPECT_LT(done, 1);
    last = done;
  }});
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(announced.size(), 17U);  // the probe, a warm-up and three repeats of four rows
  EXPECT_EQ(announced[1], "warm-up, pp20, level 0.3");
  EXPECT_EQ(announced[5], "repeat 1/3, pp20, level 0.3");
  EXPECT_EQ(announced[6], "repeat 1/3, pp20, level 1.0");
  EXPECT_EQ(announced[7], "repeat 1/3, tg4, level 0.3");
  EXPECT_EQ(announced[16], "repeat 3/3, tg4, level 1.0");
}

TEST_F(BenchRunTest, WithAndWithoutAdaptersTakeTurns) {
  BundleContents contents = testing::SmallContents();
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 1});
  model_ = *testing::LoadSmallModel(contents);
  plan_.adapters = AdapterUse::kBoth;
  plan_.tests = {{Kind::kPrefill, 20}};
  plan_.repeats = 2;
  std::vector<std::string> announced;
  const auto result =
      Run({.progress = [&](const std::string& what, double) { announced.push_back(what); }});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_EQ(result->rows.size(), 3U);  // level 1.0 has no adapter
  for (const size_t i : {0U, 1U, 2U}) {
    EXPECT_EQ(result->rows[i].adapter, i == 1);
    EXPECT_EQ(result->rows[i].level, i == 2 ? 2U : 0U);
    ASSERT_EQ(result->rows[i].samples.size(), 2U);
    for (const BenchSample& sample : result->rows[i].samples) {
      EXPECT_GT(sample.seconds, 0);
      EXPECT_GT(sample.probe.read_bytes_per_second, 0);
    }
  }
  ASSERT_EQ(announced.size(), 10U);  // the probe, a warm-up and two repeats of three rows
  EXPECT_EQ(announced[4], "repeat 1/2, pp20, level 0.3");
  EXPECT_EQ(announced[5], "repeat 1/2, pp20, level 0.3 with its adapter");
  EXPECT_EQ(announced[6], "repeat 1/2, pp20, level 1.0");
  EXPECT_EQ(announced[7], "repeat 2/2, pp20, level 0.3 with its adapter");
  EXPECT_EQ(announced[8], "repeat 2/2, pp20, level 0.3");
  EXPECT_EQ(announced[9], "repeat 2/2, pp20, level 1.0");
}

TEST_F(BenchRunTest, OneFormOfALevelUnlessBothAreWanted) {
  BundleContents contents = testing::SmallContents();
  contents.adapters.push_back({.level = 0, .rank = 4, .scale = 1});
  model_ = *testing::LoadSmallModel(contents);
  for (const AdapterUse use : {AdapterUse::kOn, AdapterUse::kOff}) {
    plan_.adapters = use;
    const auto result = Run();
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->rows.size(), 4U);
    EXPECT_EQ(result->rows[0].adapter, use == AdapterUse::kOn);
    EXPECT_FALSE(result->rows[1].adapter);
  }
}

TEST_F(BenchRunTest, NothingToCompareWithoutAdapters) {
  plan_.adapters = AdapterUse::kBoth;
  const auto result = Run();
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(result.status().message(), HasSubstr("none of these levels has an adapter"));
}

TEST_F(BenchRunTest, AnInterruptedRepeatDoesNotCount) {
  bool stop = false;
  const auto result = Run({.progress =
                               [&](const std::string& what, double) {
                                 if (what == "repeat 3/3, pp20, level 1.0") stop = true;
                               },
                           .cancelled = [&] { return stop; }});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->repeats, 2U);
  for (const BenchRow& row : result->rows) EXPECT_EQ(row.samples.size(), 2U);
}

TEST_F(BenchRunTest, InterruptedAtOnce) {
  const auto result = Run({.cancelled = [] { return true; }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->repeats, 0U);
}

TEST_F(BenchRunTest, FailuresOfTheModelAreReported) {
  plan_.context = 10;  // too short for pp20
  EXPECT_THAT(Run().status().message(), HasSubstr("do not fit the context of 10"));
}

}  // namespace
}  // namespace elm
