// What the tiny LM's stages need beside tasks, for tests: how an LLM reads text, and how long a
// model takes.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model/latency_json.h"
#include "formats/model/latency_table.h"
#include "toolchain/tlm/tlm_options.h"
#include "toolchain/tlm/word_saliency.h"

namespace elm {

// One token for each byte, nothing in front.
inline PromptReading ByteReading() {
  return {.encode =
              [](std::string_view text) {
                std::vector<uint32_t> ids;
                for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
                return ids;
              },
          .piece = [](uint32_t id) { return std::string(1, static_cast<char>(id)); },
          .bos = std::nullopt};
}

// Of a model with one level.
inline LatencyTable OneLevelLatency() {
  LatencyTable table;
  table.name = "reference:test";
  table.level_permille = {1000};
  table.ttft_tokens = {1, 4001};
  table.ttft_ms = {{10, 4010}};
  table.tpot_context = {1, 4001};
  table.tpot_ms = {{20, 30}};
  table.tlm_tokens = {1, 4001};
  table.tlm_ms = {0.1, 1};
  table.margin = 0.02;
  return table;
}

// A job over two families that takes moments: what a test needs more or fewer of it changes.
inline TlmOptions MomentaryTlmOptions(const std::string& latency_path) {
  std::ofstream(latency_path) << LatencyJson(OneLevelLatency());
  TlmOptions options;
  options.tasks = "pocket:fact,reply";
  options.latency = latency_path;
  options.shape.vocab = 500;
  options.shape.embedding = options.shape.hidden = 16;
  options.shape.bottleneck = options.shape.intermediate = 16;
  options.shape.heads = 1;
  options.shape.layers = 2;
  options.shape.shared_layers = 1;
  options.score_tasks = 4;
  options.evidence_tasks = 6;
  options.masked.training.updates = 2;
  options.evidence.training.updates = 10;
  options.score.training.updates = 3;
  options.label_tasks = 3;
  options.validation_tasks = 2;
  options.decision.training.updates = 4;
  options.decision.batch = 2;
  options.decision.measure_every = 2;
  options.threads = 1;
  return options;
}

}  // namespace elm
