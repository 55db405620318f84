// Measures a bundle's levels: prefill and decode, level by level, again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "runtime/bench/machine_probe.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {

// Named and measured as llama-bench does: "pp512" reads 512 tokens into an empty context at once,
// "tg64" appends 64 to an empty context one by one.
// "tlm512" reads a window of 512 tokens with the bundle's tiny LM, both branches;
// "tlm512-score" and "tlm512-decision" run one branch. These know no levels.
struct BenchTest {
  enum class Kind { kPrefill, kDecode, kTlm, kTlmScore, kTlmDecision };
  Kind kind = Kind::kPrefill;
  uint32_t tokens = 0;  // at least 1

  std::string name() const;
  bool is_tlm() const { return kind >= Kind::kTlm; }
  bool operator==(const BenchTest&) const = default;
};

// Which of a level's two forms are measured, where it has an adapter.
enum class AdapterUse {
  kOn,
  kOff,
  kBoth,  // one right after the other, the first of them in turn
};
const char* AdapterUseName(AdapterUse use);  // "on", "off", "both"

struct BenchPlan {
  std::vector<BenchTest> tests;
  std::vector<size_t> levels;  // indices into the model's level table
  uint32_t threads = 1;
  AdapterUse adapters = AdapterUse::kOn;
  KvType kv = KvType::kF16;
  uint32_t repeats = 5;
  uint32_t context = 0;  // tokens; room for the longest test
  // Bytes that the bandwidth probe reads; 0 leaves it to the probe.
  size_t probe_bytes = 0;
};

// One test at one level in one repeat.
struct BenchSample {
  double seconds = 0;
  ProbeSample probe;  // what the machine could do just before
};

struct BenchRow {
  BenchTest test;
  size_t level = 0;                  // means nothing for the tiny LM
  bool adapter = false;              // the level has one and used it
  std::vector<BenchSample> samples;  // one for each repeat
};

struct BenchResult {
  BenchPlan plan;
  // Test by test, the plan's levels in each; a level's row without its adapter before the other.
  std::vector<BenchRow> rows;
  uint32_t repeats = 0;  // that were completed: fewer than planned after an interruption
};

struct BenchHooks {
  // What is measured next, and how much of all is done (0 to 1).
  std::function<void(const std::string& what, double done)> progress = [](const auto&, double) {};
  std::function<bool()> cancelled = [] { return false; };
};

// Warms up every test at every level, then repeats all of them; within a repeat the levels of a
// test follow each other, so that whatever disturbs the machine hits them alike. Samples of a
// repeat that was interrupted are dropped.
Result<BenchResult> RunBench(std::shared_ptr<const Model> model, const KernelTable& kernels,
                             const BenchPlan& plan, const BenchHooks& hooks);

}  // namespace elm
