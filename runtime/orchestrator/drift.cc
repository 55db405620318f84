#include "runtime/orchestrator/drift.h"

#include <algorithm>

namespace elm {
namespace {

void Follow(double measured_ms, double predicted_ms, double& factor) {
  if (!(measured_ms > 0) || !(predicted_ms > 0)) return;
  const double ratio =
      std::clamp(measured_ms / predicted_ms, DriftTracker::kLeast, DriftTracker::kMost);
  factor += DriftTracker::kWeight * (ratio - factor);
}

}  // namespace

void DriftTracker::ObserveTtft(double measured_ms, double predicted_ms) {
  Follow(measured_ms, predicted_ms, drift_.ttft);
}

void DriftTracker::ObserveTpot(double measured_ms, double predicted_ms) {
  Follow(measured_ms, predicted_ms, drift_.tpot);
}

void DriftTracker::ObserveTlm(double measured_ms, double predicted_ms) {
  Follow(measured_ms, predicted_ms, drift_.tlm);
}

void DriftTracker::MissTlm() {
  if (drift_.tlm > 1) drift_.tlm += kForget * (1 - drift_.tlm);
}

}  // namespace elm
