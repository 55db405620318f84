// A few threads that share loops. They spin for a moment after each loop, since the next one
// usually follows at once, and sleep when none does.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "formats/base/status.h"
#include "runtime/kernels/cpu_topology.h"

namespace elm {

class ThreadPool {
 public:
  // `threads` in all, the caller's own included; at least 1. Where some cores are faster than
  // others, the pool's own threads keep to as many of the fastest as there are threads; the caller
  // may go where it likes. Fails when the system gives no more threads.
  static Result<std::unique_ptr<ThreadPool>> Create(
      size_t threads, const CpuTopology& topology = CpuTopology::OfThisProcess());
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t threads() const { return workers_.size() + 1; }

  // Calls work(thread, begin, end) until [0, count) is covered, each number once, in ranges that
  // are handed out to whichever thread is free. All but the last are multiples of `step`: long ones
  // first, so that memory is read in long runs, short ones last, so that nobody waits long for a
  // thread that was held up. Returns when all are done. The caller works too. Not reentrant; one
  // caller at a time.
  template <typename Work>
  void ForEachRange(size_t count, size_t step, const Work& work) {
    if (count == 0) return;
    if (workers_.empty() || count <= step) return work(size_t{0}, size_t{0}, count);
    Run({count, step, &Call<Work>, &work});
  }

 private:
  struct Job {
    size_t count = 0;
    size_t step = 1;
    void (*call)(const void* work, size_t thread, size_t begin, size_t end) = nullptr;
    const void* work = nullptr;
  };

  template <typename Work>
  static void Call(const void* work, size_t thread, size_t begin, size_t end) {
    (*static_cast<const Work*>(work))(thread, begin, end);
  }

  ThreadPool() = default;
  void Run(const Job& job);
  void Work(size_t thread);
  void Serve(size_t thread);

  static constexpr size_t kCacheLine = 64;
  Job job_;
  alignas(kCacheLine) std::atomic<uint32_t> round_{0};  // jobs started so far
  alignas(kCacheLine) std::atomic<size_t> next_{0};     // first number that nobody has taken
  alignas(kCacheLine) std::atomic<size_t> busy_{0};     // workers that have not finished the job
  alignas(kCacheLine) std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace elm
