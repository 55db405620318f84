// Loops whose turns are shared among threads that stay: they meet once per loop, so that a busy
// machine slows a loop down only as much as it takes of the processors.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace elm {

// Runs one loop at a time; for one caller.
class WorkerPool {
 public:
  // One turn. `worker` is below threads() and one thread at a time, so it may keep what must not be
  // shared.
  using Turn = std::function<void(size_t index, size_t worker)>;
  using Report = std::function<void(size_t done)>;

  // `threads` of at least 1. Each calls `begin_thread` before its first turn, to settle what holds
  // per thread.
  explicit WorkerPool(size_t threads, std::function<void()> begin_thread = {});

  size_t threads() const { return workers_.size(); }

  // Has `turn` called once for every index below `count`, each by the next idle worker, in
  // ascending order of their beginnings; returns when all have ended. Meanwhile the calling thread
  // calls report(done) when further turns have finished, and with `count` at the end. After an
  // exception, of a turn or of `report`, no further turn begins; when the running ones have ended
  // the first exception is thrown again.
  void ForEach(size_t count, const Turn& turn, const Report& report = {});

 private:
  void Work(const std::stop_token& stop, size_t worker);
  // Runs `body` without the lock.
  void Unlocked(std::unique_lock<std::mutex>& lock, const std::function<void()>& body);
  bool Ended() const { return next_ == count_ && running_ == 0; }

  const std::function<void()> begin_thread_;
  std::mutex mutex_;  // guards what is between here and the workers
  std::condition_variable_any wake_;
  std::condition_variable changed_;
  const Turn* turn_ = nullptr;  // of the loop in progress, like all below
  size_t count_ = 0;
  size_t next_ = 0;
  size_t running_ = 0;
  size_t done_ = 0;
  bool reporting_ = false;
  std::exception_ptr failure_;
  std::vector<std::jthread> workers_;  // last, so that they end before what they use
};

// 0, for "all there are", becomes the number of processors.
size_t ThreadsOrAll(size_t threads);

}  // namespace elm
