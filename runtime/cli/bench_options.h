// What `elm bench` is asked to measure: options first, then checked against a bundle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "runtime/bench/bench_run.h"
#include "runtime/cli/flags.h"

namespace elm {

enum class BenchFormat { kMarkdown, kJson, kCsv };

struct BenchOptions {
  // Tokens; absent: the usual, as far as the model's context allows.
  std::optional<std::vector<uint32_t>> prefill;
  std::optional<std::vector<uint32_t>> decode;
  std::optional<std::vector<uint32_t>> tlm;
  std::vector<std::string> levels;  // empty: all
  uint32_t threads = 1;
  uint32_t repeats = 5;
  AdapterUse adapters = AdapterUse::kOn;
  bool copy_weights = false;
  KvType kv = KvType::kF16;
  uint32_t context = 0;  // 0: what the longest test needs
  BenchFormat format = BenchFormat::kMarkdown;
};

std::vector<Flag> BenchFlags();
Result<BenchOptions> ReadBenchOptions(const ParsedFlags& flags);

// Fails when a level is unknown, a test does not fit the context or the tiny LM's window, or a tiny
// LM is asked for that is not there (null).
Result<BenchPlan> PlanBench(const BenchOptions& options, const ModelConfig& config,
                            const LevelTable& levels, const TlmConfig* tlm = nullptr);

}  // namespace elm
