// The flags of `elmc prepare` and `elmc tlm` about the tiny LM.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "toolchain/pipeline/prepare_options.h"

namespace elm {

// What was given; the rest stays as it is.
struct TlmFlags {
  std::optional<std::string> tasks;
  std::optional<std::string> start;
  std::optional<std::string> pairs;
  std::optional<std::string> latency;
  std::optional<uint32_t> score_tasks;
  std::optional<uint64_t> score_updates;
  std::optional<uint64_t> pretrain_updates;
  std::optional<uint32_t> evidence_tasks;
  std::optional<uint64_t> evidence_updates;
  std::optional<double> evidence_rate;
  std::optional<double> score_rate;
  std::optional<uint32_t> score_batch;
  std::optional<std::string> gate;
  std::optional<std::string> loss;
  std::vector<double> path;
  std::optional<double> decide_rate;
  std::optional<uint32_t> label_tasks;
  std::optional<uint32_t> validation_tasks;
  std::optional<uint64_t> decide_updates;
  bool keep_scores = false;
  uint32_t threads = 0;  // of `elmc tlm`

  void ApplyTo(PrepareOptions& options) const;
};

void AddTlmFlags(CLI::App& command, TlmFlags& flags);

}  // namespace elm
