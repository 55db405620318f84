#include "runtime/orchestrator/monotonic_clock.h"

#include <chrono>

namespace elm {
namespace {

class SystemClock : public MonotonicClock {
 public:
  double NowMs() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::milli>(now).count();
  }
};

}  // namespace

const MonotonicClock& MonotonicClock::System() {
  static const SystemClock clock;
  return clock;
}

}  // namespace elm
