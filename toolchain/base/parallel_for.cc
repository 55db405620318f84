#include "toolchain/base/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace elm {
namespace {

class Loop {
 public:
  Loop(size_t count, const ParallelWork& work, const std::function<void(size_t)>& report)
      : count_(count), work_(work), report_(report) {}

  void Run(size_t worker) {
    try {
      for (size_t index = next_++; index < count_; index = next_++) {
        work_(worker, index);
        ++done_;
        if (worker == 0) Report();
      }
    } catch (...) {
      Fail(std::current_exception());
    }
  }

  void Finish() {
    if (failure_) std::rethrow_exception(failure_);
    Report();
  }

 private:
  void Report() {
    if (report_) report_(done_);
  }

  void Fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    next_ = count_;
  }

  const size_t count_;
  const ParallelWork& work_;
  const std::function<void(size_t)>& report_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> done_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;  // guarded by mutex_ while threads run
};

}  // namespace

void ParallelFor(size_t count, size_t workers, const ParallelWork& work,
                 const std::function<void(size_t done)>& report) {
  Loop loop(count, work, report);
  std::vector<std::jthread> threads;
  for (size_t worker = 1; worker < std::min(workers, count); ++worker) {
    threads.emplace_back([&loop, worker] { loop.Run(worker); });
  }
  loop.Run(0);
  threads.clear();  // joins
  loop.Finish();
}

size_t ThreadsOrAll(size_t threads) {
  return threads != 0 ? threads : std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace elm
