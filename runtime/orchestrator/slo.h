// A latency demand as a request names it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/base/status.h"

namespace elm {

// A bound on one latency, positive and finite.
struct SloBound {
  enum class Unit {
    kShare,         // of what the full model takes on the full prompt; 0.4 is 40 %
    kMilliseconds,  // as the app knows it
  };
  double value = 1;
  Unit unit = Unit::kShare;

  bool operator==(const SloBound&) const = default;

  // The bound in ms where the full model on the full prompt takes `full_ms`.
  double Limit(double full_ms) const { return unit == Unit::kShare ? value * full_ms : value; }
};

// A bound that is absent demands nothing.
struct Slo {
  std::optional<SloBound> ttft;  // time to first token
  std::optional<SloBound> tpot;  // time per output token

  bool operator==(const Slo&) const = default;
};

inline constexpr double kMaxSloShare = 100;  // 10000 %
inline constexpr double kMaxSloMs = 1e7;     // nearly three hours

// "ttft=40%,tpot=70%", "ttft=300ms,tpot=40ms", "ttft=1.5s"; either bound may be missing, not both.
// Refuses what is zero, negative, no number, without a unit, named twice or unknown.
Result<Slo> ParseSlo(std::string_view text);

// Bounds positive, finite and within their caps.
Status Validate(const Slo& slo);

// "ttft=40%,tpot=40ms": what ParseSlo() reads back.
std::string SloText(const Slo& slo);

}  // namespace elm
