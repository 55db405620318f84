// How much slower or faster than its table a device is just now: heat, load, a lower clock.
#pragma once

namespace elm {

// Factors on a table's times; 1 is as it says.
struct LatencyDrift {
  double ttft = 1;
  double tpot = 1;
  double tlm = 1;

  bool operator==(const LatencyDrift&) const = default;
};

// Follows measurements with an exponentially weighted mean of measured / predicted. One odd request
// moves a factor little, a device that became slow moves it within some requests.
class DriftTracker {
 public:
  static constexpr double kWeight = 0.2;   // of the newest measurement
  static constexpr double kForget = 0.05;  // of what a factor is above 1, for each request without
  // A measurement counts as at most so far off, and a factor stays within the same bounds.
  static constexpr double kLeast = 0.5;
  static constexpr double kMost = 8;

  const LatencyDrift& drift() const { return drift_; }

  // `predicted` is what the table says without any drift. Times that are not positive say nothing.
  void ObserveTtft(double measured_ms, double predicted_ms);
  void ObserveTpot(double measured_ms, double predicted_ms);
  void ObserveTlm(double measured_ms, double predicted_ms);
  // A request that the tiny LM was thought too slow for: nothing was measured, and what made it
  // slow may have passed. Its factor falls towards 1, so that it is asked again some day.
  void MissTlm();

 private:
  LatencyDrift drift_;
};

}  // namespace elm
