// Threads that compute independent pieces of a step, each with LibTorch on one thread: they meet
// once per call, not once per operation, so that a busy machine slows a step down only as much as
// it takes of the processors.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace elm {

class WorkerPool {
 public:
  // `threads` of at least 1.
  explicit WorkerPool(size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  size_t threads() const { return workers_.size(); }

  // body(piece, worker) for pieces 0 .. count - 1, each taken by the next idle worker (0 ..
  // threads() - 1); returns when all are done. Rethrows the first exception.
  void ForEach(size_t count, const std::function<void(size_t piece, size_t worker)>& body);

 private:
  void Work(size_t worker);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(size_t, size_t)>* body_ = nullptr;  // of the call in progress
  size_t count_ = 0;
  size_t next_ = 0;
  size_t unfinished_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
};

}  // namespace elm
