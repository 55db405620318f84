// How long the runtime takes at each level, on this machine, now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/include/elm/elm.hpp"

namespace elm {

struct LatencyOptions {
  uint32_t prompt_tokens = 256;
  uint32_t output_tokens = 32;
  uint32_t repeats = 5;  // of every level, the levels taking turns: machines are noisy

  bool operator==(const LatencyOptions&) const = default;
};

struct LevelLatency {
  // Medians over the repeats, in milliseconds.
  double ttft_ms = 0;  // time to first token: prefill of the prompt, without tokenizing
  double tpot_ms = 0;  // time per output token

  bool operator==(const LevelLatency&) const = default;
};

// Repeats finished of all; throwing from it stops the measurement.
using LatencyProgress = std::function<void(size_t done, size_t total)>;

// One entry per element of `levels`, which index the model's level table. The session runs alone,
// on one thread, after a warm-up of each level. Throws elm::Error when prompt and output do not fit
// the model's context.
std::vector<LevelLatency> MeasureLatency(std::shared_ptr<const Model> model,
                                         std::span<const size_t> levels,
                                         const LatencyOptions& options,
                                         const LatencyProgress& progress = {});

}  // namespace elm
