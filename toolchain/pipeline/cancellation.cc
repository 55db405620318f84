#include "toolchain/pipeline/cancellation.h"

#include <signal.h>

#include <atomic>

#include "toolchain/base/error.h"

namespace elm {
namespace {

std::atomic<bool> cancelled{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // used in a signal handler

void OnSignal(int signal_number) {
  cancelled.store(true);
  signal(signal_number, SIG_DFL);  // the next one does not wait
}

}  // namespace

void WatchForCancellation() {
  signal(SIGINT, OnSignal);
  signal(SIGTERM, OnSignal);
}

void ThrowIfCancelled() {
  if (!cancelled.load()) return;
  throw Error(Status(StatusCode::kCancelled,
                     "stopped; finished work is kept, run the same command again to go on"));
}

}  // namespace elm
