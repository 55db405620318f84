#include "toolchain/trace/trace_apps.h"

#include <limits>
#include <tuple>
#include <utility>

namespace elm {
namespace {

TraceApp App(const char* name, double ttft, double tpot, const char* dataset, const char* family) {
  return {name,
          {SloBound{ttft, SloBound::Unit::kShare}, SloBound{tpot, SloBound::Unit::kShare}},
          dataset,
          {family}};
}

// Sorts shares before ms, no demand last.
std::pair<int, double> Place(const std::optional<SloBound>& bound) {
  if (!bound) return {2, std::numeric_limits<double>::infinity()};
  return {bound->unit == SloBound::Unit::kShare ? 0 : 1, bound->value};
}

}  // namespace

std::span<const TraceApp> PublishedApps() {
  static const std::vector<TraceApp> kApps = {
      App("XiaoAi", 0.2, 0.5, "SCIQ", "screen"),
      App("Gboard", 0.2, 0.6, "PIQA", "continue"),
      App("Shortcuts", 0.4, 0.7, "LlamaTouch", "app"),
      App("Octopus", 0.6, 0.8, "Octopus", "function"),
      App("GMail", 0.8, 0.9, "ARC_E", "reply"),
      App("Rewind", 1.0, 1.0, "OBQA", "fact"),
  };
  return kApps;
}

bool Stricter(const Slo& a, const Slo& b) {
  return std::make_tuple(Place(a.ttft), Place(a.tpot)) <
         std::make_tuple(Place(b.ttft), Place(b.tpot));
}

}  // namespace elm
