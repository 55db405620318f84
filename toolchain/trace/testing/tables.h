// Latency tables whose times are easily worked out by hand.
#pragma once

#include "formats/model/latency_table.h"

namespace elm::testing {

// Levels 0.2, 0.6, 1.0. TTFT in ms: share * tokens; TPOT: share * 10 whatever the context. The tiny
// LM takes 0.01 ms a token; nothing else takes time, and nothing varies.
inline LatencyTable ProportionalTable() {
  LatencyTable table;
  table.name = "reference:test";
  table.level_permille = {200, 600, 1000};
  table.ttft_tokens = {0, 1000};
  table.ttft_ms = {{0.001, 200}, {0.001, 600}, {0.001, 1000}};
  table.tpot_context = {0, 1000};
  table.tpot_ms = {{2, 2}, {6, 6}, {10, 10}};
  table.tlm_tokens = {0, 1000};
  table.tlm_ms = {0.001, 10};
  return table;
}

}  // namespace elm::testing
