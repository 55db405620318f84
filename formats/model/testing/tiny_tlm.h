// A tiny LM small enough to look at.
#pragma once

#include <string>

#include "formats/model/tlm_settings.h"

namespace elm::testing {

// Two layers, the lower one shared; three prompt levels and two model levels.
inline TlmConfig TinyTlmConfig() {
  TlmConfig config;
  config.vocab = 16;
  config.positions = 24;
  config.embedding = 8;
  config.hidden = 32;
  config.bottleneck = 8;
  config.heads = 2;
  config.intermediate = 12;
  config.feed_forwards = 2;
  config.layers = 2;
  config.shared_layers = 1;
  config.prompt_levels = 3;
  config.model_levels = 2;
  return config;
}

inline TlmSettings TinyTlmSettings() {
  TlmSettings settings;
  settings.config = TinyTlmConfig();
  settings.ttft_permille = {200, 600, 1000};
  settings.tpot_permille = {500, 1000};
  settings.prompt_levels_permille = {300, 600, 1000};
  settings.model_levels_permille = {700, 1000};
  settings.vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\nsat\n.\non\n";
  for (const uint32_t permille : settings.ttft_permille) {
    settings.vocabulary += TtftPiece(permille) + "\n";
  }
  for (const uint32_t permille : settings.tpot_permille) {
    settings.vocabulary += TpotPiece(permille) + "\n";
  }
  settings.window_overlap = 4;
  settings.short_prompt_tokens = 20;
  return settings;
}

}  // namespace elm::testing
