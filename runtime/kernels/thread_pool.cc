#include "runtime/kernels/thread_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace elm {
namespace {

// How often a thread looks for work before it sleeps: some ten microseconds.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns once `value` is no longer `old`.
template <typename T>
void AwaitChange(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::Create(size_t threads,
                                                       const CpuTopology& topology) {
  std::unique_ptr<ThreadPool> pool(new ThreadPool());
  const std::vector<int> cores = topology.FastestCores(threads);
  for (size_t i = 1; i < threads; ++i) {
    try {
      pool->workers_.emplace_back([raw = pool.get(), i, cores] {
        RunOnCores(cores);
        raw->Serve(i);
      });
    } catch (const std::system_error&) {
      return Status(StatusCode::kOutOfMemory,
                    StrCat("the system gives ", i, " threads, ", threads, " were asked for"));
    }
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(const Job& job) {
  job_ = job;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(workers_.size(), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  Work(0);
  size_t busy = busy_.load(std::memory_order_acquire);
  while (busy != 0) {
    AwaitChange(busy_, busy);
    busy = busy_.load(std::memory_order_acquire);
  }
}

void ThreadPool::Work(size_t thread) {
  size_t begin = next_.load(std::memory_order_relaxed);
  while (begin < job_.count) {
    // Half of what would be everybody's part of the rest.
    const size_t left = job_.count - begin;
    const size_t part = left / (2 * threads()) / job_.step * job_.step;
    const size_t size = std::min(left, std::max(part, job_.step));
    if (!next_.compare_exchange_weak(begin, begin + size, std::memory_order_relaxed)) continue;
    job_.call(job_.work, thread, begin, begin + size);
    begin = next_.load(std::memory_order_relaxed);
  }
}

void ThreadPool::Serve(size_t thread) {
  uint32_t seen = 0;
  while (true) {
    AwaitChange(round_, seen);
    ++seen;
    if (stop_) return;
    Work(thread);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace elm
