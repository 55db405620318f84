#include "toolchain/base/parallel_for.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

namespace elm {
namespace {

TEST(ParallelForTest, EveryIndexHasItsTurnOnce) {
  for (const size_t workers : {1, 2, 5, 200}) {
    std::vector<std::atomic<int>> turns(100);
    std::atomic<bool> worker_in_range = true;
    std::vector<size_t> reports;
    ParallelFor(
        turns.size(), workers,
        [&](size_t worker, size_t index) {
          ++turns[index];
          if (worker >= workers) worker_in_range = false;
        },
        [&](size_t done) { reports.push_back(done); });
    for (const auto& count : turns) EXPECT_EQ(count, 1);
    EXPECT_TRUE(worker_in_range);
    EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
    EXPECT_EQ(reports.back(), 100U);
  }
}

TEST(ParallelForTest, NoTurnsAreStillReported) {
  size_t reports = 0;
  ParallelFor(
      0, 3, [](size_t, size_t) { FAIL(); }, [&](size_t) { ++reports; });
  EXPECT_EQ(reports, 1U);
}

TEST(ParallelForTest, AnExceptionEndsTheLoop) {
  for (const size_t workers : {1, 4}) {
    std::atomic<int> turns = 0;
    const auto fail = [&](size_t, size_t index) {
      ++turns;
      if (index == 10) throw std::runtime_error("ten");
    };
    EXPECT_THROW(ParallelFor(100000, workers, fail), std::runtime_error);
    EXPECT_LT(turns, 100000);
  }
  EXPECT_THROW(ParallelFor(
                   10, 2, [](size_t, size_t) {}, [](size_t) { throw std::runtime_error("stop"); }),
               std::runtime_error);
}

TEST(ParallelForTest, NoThreadsMeanAllProcessors) {
  EXPECT_EQ(ThreadsOrAll(3), 3U);
  EXPECT_GE(ThreadsOrAll(0), 1U);
}

}  // namespace
}  // namespace elm
