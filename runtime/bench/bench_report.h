// A benchmark's result for people and for programs. docs/bench.md explains every figure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "formats/base/statistics.h"
#include "runtime/bench/bench_run.h"
#include "runtime/bench/work.h"
#include "runtime/kernels/cpu_info.h"
#include "runtime/kernels/kernels.h"

namespace elm {

inline constexpr const char* kBenchSchema = "elm-bench";
inline constexpr uint32_t kBenchSchemaVersion = 1;

struct BenchReport {
  const Model& model;
  const BenchResult& result;  // at least one repeat
  const KernelTable& kernels;
  CpuInfo cpu;
  size_t cores = 0;
  std::string program_version;
};

// What is said about a row. Shares are of what the probe found just before each sample: 1 is all.
struct BenchFigures {
  Spread tokens_per_second;
  double ms_per_token = 0;  // at the median
  LevelWork work;
  double bytes_per_second = 0;  // of weights, at the median; 0 for prefill
  double bandwidth_share = 0;   // median of the repeats; 0 for prefill
  double operations_share = 0;  // median of the repeats
  // Part of its time without the adapter that a row with it took more, repeat by repeat; only where
  // both were measured.
  std::optional<Spread> adapter_overhead;
};

BenchFigures FiguresOf(const BenchReport& report, const BenchRow& row);

std::string BenchMarkdown(const BenchReport& report);
std::string BenchJson(const BenchReport& report);
std::string BenchCsv(const BenchReport& report);

}  // namespace elm
