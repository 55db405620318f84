// Measures a bundle's latency table on this device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/latency_table.h"
#include "runtime/include/elm/elm.hpp"
#include "runtime/orchestrator/monotonic_clock.h"
#include "runtime/tlm/prompt_reader.h"

namespace elm {

struct CalibrationPlan {
  std::string name;                      // of the table
  uint64_t bundle_hash = 0;              // of the table
  double seconds = 60;                   // when to stop; the first round is always completed
  uint32_t rounds = 25;                  // and after so many rounds at the latest
  std::vector<uint32_t> prompt_tokens;   // where TTFT is measured, ascending
  std::vector<uint32_t> context_tokens;  // where TPOT is measured, ascending, none beyond the last
                                         // of prompt_tokens
  uint32_t decoded_tokens = 8;           // so many behind each of them in a round
  std::vector<uint32_t> tlm_words;       // words of context that the tiny LM reads, ascending
};

// What fits the context of `session` and, by the speed of a short trial at its full level,
// `seconds` on this device: fewer points where time is short. The table's name and hash are left
// empty.
Result<CalibrationPlan> PlanCalibration(Session& session, double seconds,
                                        const MonotonicClock& clock = MonotonicClock::System());

struct CalibrationHooks {
  // What is measured, and how much of the time or the rounds is over (0 to 1).
  std::function<void(const std::string& what, double done)> progress = [](const auto&, double) {};
  std::function<bool()> cancelled = [] { return false; };
};

struct Calibration {
  LatencyTable table;
  uint32_t rounds = 0;     // that count
  bool cancelled = false;  // before the plan was through
  double seconds = 0;      // that it took
};

// Round after round: every prompt length at every level, every context at every level, the tiny LM
// at every length, a switch, a selection; levels follow each other within a round, so that whatever
// disturbs the machine hits them alike. The first round warms up and counts only where there is no
// time for another. Samples of a round that was interrupted are dropped. Points are medians, made
// monotone; the margin is the 95th percentile over all samples of the time over its point's median,
// minus 1, within [kLeastMargin, kMostMargin].
//
// `reader` is null without a tiny LM. Fails with kCancelled when not even the first round was
// completed, and when the bundle has no tokenizer.
Result<Calibration> Calibrate(Session& session, PromptReader* reader, const CalibrationPlan& plan,
                              const CalibrationHooks& hooks = {},
                              const MonotonicClock& clock = MonotonicClock::System());

inline constexpr double kLeastMargin = 0.02;   // few samples see no outliers
inline constexpr double kUnknownMargin = 0.1;  // at least, of fewer rounds than this:
inline constexpr uint32_t kRoundsThatScatter = 3;
inline constexpr double kMostMargin = 0.25;  // above, the device was busy: calibrate it again

}  // namespace elm
