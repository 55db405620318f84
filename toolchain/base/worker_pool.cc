#include "toolchain/base/worker_pool.h"

#include <algorithm>
#include <utility>

namespace elm {

WorkerPool::WorkerPool(size_t threads, std::function<void()> begin_thread)
    : begin_thread_(std::move(begin_thread)) {
  workers_.reserve(threads);
  for (size_t worker = 0; worker < threads; ++worker) {
    workers_.emplace_back([this, worker](const std::stop_token& stop) { Work(stop, worker); });
  }
}

void WorkerPool::ForEach(size_t count, const Turn& turn, const Report& report) {
  std::unique_lock lock(mutex_);
  turn_ = &turn;
  count_ = count;
  next_ = 0;
  done_ = 0;
  reporting_ = report != nullptr;
  wake_.notify_all();
  size_t reported = 0;
  const auto news = [&] { return reporting_ && !failure_ && done_ > reported; };
  while (true) {
    changed_.wait(lock, [&] { return Ended() || news(); });
    if (Ended()) break;
    reported = done_;
    Unlocked(lock, [&] { report(reported); });
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  lock.unlock();
  if (report) report(count);
}

void WorkerPool::Work(const std::stop_token& stop, size_t worker) {
  if (begin_thread_) begin_thread_();
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return next_ < count_; })) {
    const size_t index = next_++;
    ++running_;
    Unlocked(lock, [&] { (*turn_)(index, worker); });
    --running_;
    ++done_;
    if (reporting_ || Ended()) changed_.notify_one();
  }
}

void WorkerPool::Unlocked(std::unique_lock<std::mutex>& lock, const std::function<void()>& body) {
  std::exception_ptr failure;
  lock.unlock();
  try {
    body();
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  if (!failure) return;
  if (!failure_) failure_ = failure;
  next_ = count_;
}

size_t ThreadsOrAll(size_t threads) {
  return threads != 0 ? threads : std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace elm
