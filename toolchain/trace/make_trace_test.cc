#include "toolchain/trace/make_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <set>

#include "datasets/pocket/world.h"
#include "formats/base/testing/temporary_directory.h"
#include "toolchain/base/error.h"
#include "toolchain/trace/trace_apps.h"

namespace elm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

MakeTraceOptions Options(double alpha, uint64_t seed) {
  MakeTraceOptions options;
  options.alpha = alpha;
  options.seed = seed;
  options.tasks.count = 20;
  return options;
}

std::vector<uint32_t> CountsOf(const Trace& trace) {
  std::vector<uint32_t> counts(trace.apps.size());
  for (const TraceRequest& request : trace.requests) ++counts[request.app];
  return counts;
}

TEST(PublishedAppsTest, StandFromTheStrictestSloToTheMostRelaxed) {
  const auto apps = PublishedApps();
  ASSERT_EQ(apps.size(), 6U);
  EXPECT_EQ(apps.front().name, "XiaoAi");
  EXPECT_EQ(apps.back().name, "Rewind");
  for (size_t i = 1; i < apps.size(); ++i) {
    EXPECT_TRUE(Stricter(apps[i - 1].slo, apps[i].slo)) << apps[i].name;
    EXPECT_FALSE(Stricter(apps[i].slo, apps[i - 1].slo)) << apps[i].name;
  }
  EXPECT_EQ(SloText(apps.front().slo), "ttft=20%,tpot=50%");
  EXPECT_EQ(SloText(apps.back().slo), "ttft=100%,tpot=100%");
}

TEST(PublishedAppsTest, HaveAllFamiliesBetweenThem) {
  std::vector<std::string> families;
  for (const TraceApp& app : PublishedApps()) {
    families.insert(families.end(), app.families.begin(), app.families.end());
  }
  std::vector<std::string> all;
  for (const pocket::Family& family : pocket::Families()) all.emplace_back(family.name);
  EXPECT_THAT(families, UnorderedElementsAreArray(all));
}

TEST(RequestCountsTest, AreEvenAtAlphaZero) {
  EXPECT_THAT(RequestCounts(6, 0, 600), ElementsAre(100, 100, 100, 100, 100, 100));
  EXPECT_THAT(RequestCounts(6, 0, 8), ElementsAre(2, 2, 1, 1, 1, 1));
}

TEST(RequestCountsTest, GrowByEToTheAlpha) {
  const std::vector<uint32_t> counts = RequestCounts(6, 0.25, 600);
  EXPECT_THAT(counts, ElementsAre(49, 63, 81, 103, 133, 171));
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0U), 600U);
  std::vector<uint32_t> mirrored = RequestCounts(6, -0.25, 600);
  std::reverse(mirrored.begin(), mirrored.end());
  EXPECT_EQ(mirrored, counts);
}

TEST(RequestCountsTest, AddUpAtAnyAlpha) {
  for (const double alpha : {-10.0, -1.3, 0.07, 0.5, 10.0}) {
    const std::vector<uint32_t> counts = RequestCounts(6, alpha, 601);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0U), 601U) << alpha;
  }
}

TEST(MakeTraceTest, HasTheCountsOfItsAlpha) {
  EXPECT_EQ(CountsOf(MakeTrace(Options(0.25, 1))), RequestCounts(6, 0.25, 600));
  EXPECT_EQ(CountsOf(MakeTrace(Options(-0.25, 1))), RequestCounts(6, -0.25, 600));
}

TEST(MakeTraceTest, IsTheSameForTheSameSeedAndAnotherForAnother) {
  EXPECT_EQ(MakeTrace(Options(0.25, 3)), MakeTrace(Options(0.25, 3)));
  const Trace a = MakeTrace(Options(0.25, 3));
  const Trace b = MakeTrace(Options(0.25, 4));
  EXPECT_NE(a.requests, b.requests);
  EXPECT_EQ(a.tasks, b.tasks) << "what can be asked depends on the world's seed alone";
}

TEST(MakeTraceTest, ArrivalsAreAPoissonProcess) {
  MakeTraceOptions options = Options(0, 1);
  options.count = 20000;
  options.rate = 4;
  const Trace trace = MakeTrace(options);
  std::vector<double> gaps;
  double before = 0;
  for (const TraceRequest& request : trace.requests) {
    ASSERT_GE(request.arrival_s, before);
    gaps.push_back(request.arrival_s - before);
    before = request.arrival_s;
  }
  const auto count = static_cast<double>(gaps.size());
  const double mean = std::accumulate(gaps.begin(), gaps.end(), 0.0) / count;
  double squares = 0;
  for (const double gap : gaps) squares += (gap - mean) * (gap - mean);
  EXPECT_NEAR(mean, 0.25, 0.006) << "three standard errors";
  EXPECT_NEAR(std::sqrt(squares / count), 0.25, 0.01) << "exponential: deviation = mean";
  const auto long_ones =
      std::count_if(gaps.begin(), gaps.end(), [](double gap) { return gap > 0.5; });
  EXPECT_NEAR(static_cast<double>(long_ones) / count, std::exp(-2.0), 0.008);
}

TEST(MakeTraceTest, EachAppAsksItsOwnFamilyAndNothingTwiceTooSoon) {
  const Trace trace = MakeTrace(Options(0, 1));
  std::map<size_t, std::map<std::string, int>> asked;
  for (const TraceRequest& request : trace.requests) {
    const Task& task = trace.tasks[request.task];
    EXPECT_EQ(task.task, trace.apps[request.app].families.front());
    EXPECT_EQ(task.split, "test");
    ++asked[request.app][task.id];
  }
  for (const auto& [app, tasks] : asked) {
    EXPECT_EQ(tasks.size(), 20U) << "all of the pool";
    for (const auto& [id, times] : tasks) EXPECT_EQ(times, 5) << id;  // 100 requests
  }
}

TEST(MakeTraceTest, AppsAreMixed) {
  const Trace trace = MakeTrace(Options(0, 1));
  std::set<size_t> early;
  for (size_t i = 0; i < 60; ++i) early.insert(trace.requests[i].app);
  EXPECT_EQ(early.size(), 6U);
}

TEST(MakeTraceTest, RefusesWhatCannotBe) {
  const auto refused = [](auto change) {
    MakeTraceOptions options;
    change(options);
    EXPECT_THROW(MakeTrace(options), Error);
  };
  refused([](MakeTraceOptions& options) { options.alpha = 11; });
  refused([](MakeTraceOptions& options) { options.alpha = std::nan(""); });
  refused([](MakeTraceOptions& options) { options.count = 0; });
  refused([](MakeTraceOptions& options) { options.rate = 0; });
  refused([](MakeTraceOptions& options) { options.rate = INFINITY; });
  refused([](MakeTraceOptions& options) { options.tasks.count = 0; });
  refused([](MakeTraceOptions& options) { options.tasks.split = "tset"; });
}

class PublishedTraceTest : public ::testing::Test {
 protected:
  Trace Read(const std::string& text, PublishedContent content) {
    const std::string path = folder_.Path("trace.json");
    std::ofstream(path) << text;
    return ReadPublishedTrace(path, content, Options(0, 1), notes_);
  }

  testing::TemporaryDirectory folder_;
  std::vector<std::string> notes_;
};

constexpr char kRows[] = R"([
["Which is a fruit?", ["stone", "apple"], 1, [1.0, 1.0], 2, "OBQA"],
["What shines?", ["sun", "coal"], "A", [0.8, 0.9], 0, "ARC_E"],
["Yelp", ["Yelp", "Clock"], "Yelp", [0.4, 0.7], 1, "llamatouch"]
])";

TEST_F(PublishedTraceTest, KeepsWhatCanBeAnswered) {
  const Trace trace = Read(kRows, PublishedContent::kOwn);
  ASSERT_EQ(trace.requests.size(), 2U);
  EXPECT_EQ(trace.tasks[trace.requests[0].task].question, "What shines?");
  EXPECT_EQ(trace.apps[trace.requests[0].app].name, "GMail");
  EXPECT_EQ(trace.apps[trace.requests[1].app].name, "Rewind");
  EXPECT_EQ(trace.requests[1].arrival_s, 2);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_THAT(notes_.front(), HasSubstr("question is one of its options"));
}

TEST_F(PublishedTraceTest, LendsItsDemandsToBuiltInTasks) {
  const Trace trace = Read(kRows, PublishedContent::kBuiltIn);
  ASSERT_EQ(trace.requests.size(), 3U);
  EXPECT_EQ(trace.tasks[trace.requests[1].task].task, "app") << "Shortcuts";
  EXPECT_EQ(trace.requests[2].arrival_s, 2);
}

TEST_F(PublishedTraceTest, NamesTheBadRow) {
  try {
    Read("[[\"a\", [\"b\", \"c\"], 1, [1.0], 2, \"OBQA\"]]", PublishedContent::kOwn);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("trace.json:1: row 1"));
    EXPECT_THAT(error.what(), HasSubstr("[TTFT, TPOT]"));
  }
}

// A row with a single option measures nothing: it is left out, as docs/traces.md says.
TEST_F(PublishedTraceTest, LeavesOutRowsWithASingleOption) {
  const std::string rows = R"([
["What shines?", ["sun", "coal"], "A", [0.8, 0.9], 0, "ARC_E"],
["And this?", ["sun"], "A", [0.8, 0.9], 1, "ARC_E"]])";
  EXPECT_EQ(Read(rows, PublishedContent::kOwn).requests.size(), 1U);
  EXPECT_EQ(notes_.size(), 1U);
}

}  // namespace
}  // namespace elm
