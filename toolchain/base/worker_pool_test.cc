#include "toolchain/base/worker_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace elm {
namespace {

TEST(WorkerPoolTest, EveryIndexHasItsTurnOnce) {
  for (const size_t threads : {1, 2, 5, 200}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const size_t count : {100, 3, 1000}) {
      std::vector<std::atomic<int>> turns(count);
      std::atomic<bool> worker_in_range = true;
      std::vector<size_t> reports;
      pool.ForEach(
          count,
          [&](size_t index, size_t worker) {
            ++turns[index];
            if (worker >= threads) worker_in_range = false;
          },
          [&](size_t done) { reports.push_back(done); });
      for (const auto& times : turns) EXPECT_EQ(times, 1);
      EXPECT_TRUE(worker_in_range);
      EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
      EXPECT_EQ(reports.back(), count);
    }
  }
}

TEST(WorkerPoolTest, AWorkerIsOneThreadThatStays) {
  std::atomic<int> begun = 0;
  WorkerPool pool(3, [&] { ++begun; });
  std::vector<std::vector<std::thread::id>> threads(pool.threads());
  for (int loop = 0; loop < 20; ++loop) {
    pool.ForEach(
        50, [&](size_t, size_t worker) { threads[worker].push_back(std::this_thread::get_id()); });
  }
  for (const auto& ids : threads) {
    EXPECT_TRUE(std::all_of(ids.begin(), ids.end(), [&](const std::thread::id id) {
      return id == ids.front() && id != std::this_thread::get_id();
    }));
  }
  EXPECT_LE(begun, 3) << "a thread may not have begun yet";
}

TEST(WorkerPoolTest, NoTurnsAreStillReported) {
  WorkerPool pool(3);
  size_t reports = 0;
  pool.ForEach(
      0, [](size_t, size_t) { FAIL(); }, [&](size_t) { ++reports; });
  EXPECT_EQ(reports, 1U);
}

TEST(WorkerPoolTest, AnExceptionEndsTheLoopAndNotThePool) {
  for (const size_t threads : {1, 4}) {
    WorkerPool pool(threads);
    std::atomic<int> turns = 0;
    const auto fail = [&](size_t index, size_t) {
      ++turns;
      if (index == 10) throw std::runtime_error("ten");
    };
    EXPECT_THROW(pool.ForEach(100000, fail), std::runtime_error);
    EXPECT_LT(turns, 100000);
    turns = 0;
    pool.ForEach(10, fail);
    EXPECT_EQ(turns, 10);
  }
}

TEST(WorkerPoolTest, AnExceptionOfTheReportEndsTheLoop) {
  WorkerPool pool(2);
  std::atomic<bool> stopped = false;
  const auto wait = [&](size_t index, size_t) {
    while (index > 0 && !stopped) std::this_thread::yield();
  };
  EXPECT_THROW(pool.ForEach(100000, wait,
                            [&](size_t) {
                              stopped = true;
                              throw std::runtime_error("stop");
                            }),
               std::runtime_error);
}

TEST(WorkerPoolTest, NoThreadsMeanAllProcessors) {
  EXPECT_EQ(ThreadsOrAll(3), 3U);
  EXPECT_GE(ThreadsOrAll(0), 1U);
}

}  // namespace
}  // namespace elm
