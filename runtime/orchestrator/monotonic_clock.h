// Time that only goes forward; an interface, so that no test depends on real time.
#pragma once

namespace elm {

class MonotonicClock {
 public:
  virtual ~MonotonicClock() = default;
  // Milliseconds since some fixed moment.
  virtual double NowMs() const = 0;

  // The system's own.
  static const MonotonicClock& System();
};

// Milliseconds since it was made.
class Stopwatch {
 public:
  explicit Stopwatch(const MonotonicClock& clock) : clock_(clock), start_(clock.NowMs()) {}
  double Ms() const { return clock_.NowMs() - start_; }

 private:
  const MonotonicClock& clock_;
  double start_;
};

}  // namespace elm
