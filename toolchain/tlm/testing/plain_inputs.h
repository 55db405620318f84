// What the tiny LM's stages need beside tasks, for tests: how an LLM reads text, and how long a
// model takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model/latency_table.h"
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

}  // namespace elm
