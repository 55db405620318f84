#include "toolchain/pretrain/worker_pool.h"

#include <utility>

#include "toolchain/model/torch_compat.h"

namespace elm {

WorkerPool::WorkerPool(size_t threads) {
  for (size_t worker = 0; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { Work(worker); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::ForEach(size_t count, const std::function<void(size_t, size_t)>& body) {
  std::unique_lock lock(mutex_);
  body_ = &body;
  count_ = count;
  next_ = 0;
  unfinished_ = count;
  wake_.notify_all();
  done_.wait(lock, [this] { return unfinished_ == 0; });
  body_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void WorkerPool::Work(size_t worker) {
  SetTorchThreads(1);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || (body_ != nullptr && next_ < count_); });
    if (stopping_) return;
    const size_t piece = next_++;
    const auto& body = *body_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      body(piece, worker);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !failure_) failure_ = failure;
    if (--unfinished_ == 0) done_.notify_all();
  }
}

}  // namespace elm
