// How long the runtime takes at each level, on this machine, now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/include/elm/elm.hpp"
#include "toolchain/eval/repeat_statistics.h"

namespace elm {

struct LatencyOptions {
  uint32_t prompt_tokens = 256;
  uint32_t output_tokens = 32;
  uint32_t repeats = 15;  // rounds, in each of which all levels take turns: machines are noisy

  bool operator==(const LatencyOptions&) const = default;
};

// One entry per round, in milliseconds.
struct RequestTimes {
  std::vector<double> ttft_ms;  // to first token: prefill of the prompt, without tokenizing
  std::vector<double> tpot_ms;  // per output token

  bool operator==(const RequestTimes&) const = default;
};

struct LevelLatency {
  double ttft_ms = 0;  // medians over the rounds
  double tpot_ms = 0;
  RequestTimes rounds = {};  // empty in files of schema version 1
  // Of a level with an adapter: without it, in the same rounds.
  std::optional<RequestTimes> without_adapter = {};

  bool operator==(const LevelLatency&) const = default;
};

// What the machine could do with one thread in each round: runtime/bench/machine_probe.h.
struct MachineRates {
  std::string operation;  // "int8 dot products": what the bundle's products are made of
  std::vector<double> read_bytes_per_second;
  std::vector<double> operations_per_second;

  bool operator==(const MachineRates&) const = default;
};

struct LatencyResult {
  std::vector<LevelLatency> levels;
  MachineRates machine;
};

// The latency that the rounds give.
LevelLatency MakeLatency(RequestTimes rounds, std::optional<RequestTimes> without_adapter = {});

// By what factor the adapter makes a request slower, round by round. Needs times without it.
struct AdapterOverhead {
  RatioEstimate ttft;
  RatioEstimate tpot;
};
AdapterOverhead OverheadOf(const LevelLatency& latency);

// Requests finished of all; throwing from it stops the measurement.
using LatencyProgress = std::function<void(size_t done, size_t total)>;

// One entry per element of `levels`, which index the model's level table; levels with an adapter
// are timed without it, too. In every round the machine is probed and the levels take turns, in
// sessions made for the round: memory that lies elsewhere is part of the spread. One thread,
// nothing else of this program runs; a first round warms up and is not counted. `probe_bytes` are
// read by the probe, 0: many times the last cache. Throws elm::Error when prompt and output do not
// fit the model's context.
LatencyResult MeasureLatency(std::shared_ptr<const Model> model, std::span<const size_t> levels,
                             const LatencyOptions& options, const LatencyProgress& progress = {},
                             size_t probe_bytes = 0);

}  // namespace elm
