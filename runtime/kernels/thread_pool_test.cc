#include "runtime/kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace elm {
namespace {

std::unique_ptr<ThreadPool> Pool(size_t threads) {
  auto pool = ThreadPool::Create(threads);
  EXPECT_TRUE(pool.ok()) << pool.status().ToString();
  return std::move(*pool);
}

TEST(ThreadPoolTest, EveryNumberIsVisitedOnce) {
  for (const size_t threads : {1, 2, 5}) {
    const auto pool = Pool(threads);
    EXPECT_EQ(pool->threads(), threads);
    for (const size_t count : {0, 1, 2, 7, 1000}) {
      for (const size_t step : {1, 2, 3, 2000}) {
        std::vector<std::atomic<int>> visits(count);
        pool->ForEachRange(count, step, [&](size_t thread, size_t begin, size_t end) {
          EXPECT_LT(thread, threads);
          EXPECT_LT(begin, end);
          for (size_t i = begin; i < end; ++i) ++visits[i];
        });
        for (const auto& visit : visits) ASSERT_EQ(visit, 1) << threads << " " << count;
      }
    }
  }
}

TEST(ThreadPoolTest, RangesAreMultiplesOfTheStepAndGetShorter) {
  const auto pool = Pool(2);
  std::mutex mutex;
  std::vector<std::pair<size_t, size_t>> ranges;
  pool->ForEachRange(1001, 4, [&](size_t, size_t begin, size_t end) {
    const std::lock_guard lock(mutex);
    ranges.emplace_back(begin, end);
  });
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 0; i + 1 < ranges.size(); ++i) {
    const auto [begin, end] = ranges[i];
    EXPECT_EQ((end - begin) % 4, 0U);
    EXPECT_EQ(end, ranges[i + 1].first);
    EXPECT_GE(end - begin, ranges[i + 1].second - ranges[i + 1].first);
  }
  EXPECT_EQ(ranges.front(), (std::pair<size_t, size_t>(0, 248)));  // 1001 / 4, rounded down
  EXPECT_LT(ranges.size(), 30U);
}

TEST(ThreadPoolTest, WhatOneLoopWritesTheNextOneReads) {
  const auto pool = Pool(3);
  std::vector<uint64_t> values(64, 1);
  for (int round = 0; round < 2000; ++round) {
    pool->ForEachRange(values.size(), 4, [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) values[i] = values[i] * 3 + i;
    });
  }
  std::vector<uint64_t> expected(values.size(), 1);
  for (int round = 0; round < 2000; ++round) {
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = expected[i] * 3 + i;
  }
  EXPECT_EQ(values, expected);
}

TEST(ThreadPoolTest, SleepingThreadsWakeUp) {
  const auto pool = Pool(2);
  for (int round = 0; round < 3; ++round) {
    std::atomic<size_t> sum{0};
    pool->ForEachRange(100, 1, [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) sum += i;
    });
    EXPECT_EQ(sum, 4950U);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace
}  // namespace elm
