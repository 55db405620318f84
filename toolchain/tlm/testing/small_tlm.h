// Tiny LMs for tests: small enough to train in seconds.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "datasets/pocket/world.h"
#include "datasets/prompt.h"
#include "formats/model/tlm_settings.h"
#include "toolchain/tlm/wordpiece_vocabulary.h"

namespace elm {

// Settings with a vocabulary of the pocket world's training split and the usual levels.
inline TlmSettings SmallTlmSettings(uint32_t positions = 256) {
  TlmSettings settings;
  for (uint32_t share = 200; share <= 1000; share += 100) settings.ttft_permille.push_back(share);
  for (uint32_t share = 500; share <= 1000; share += 100) settings.tpot_permille.push_back(share);
  for (uint32_t level = 100; level <= 1000; level += 100) {
    settings.prompt_levels_permille.push_back(level);
  }
  settings.model_levels_permille = {500, 1000};
  uint64_t next = 0;
  settings.vocabulary = BuildWordPieceVocabulary(
      [&](std::string& text) {
        if (next == 300) return false;
        text = pocket::MakeDocument(pocket::Split::kTrain, 1, next++);
        return true;
      },
      {.size = 700,
       .ttft_permille = settings.ttft_permille,
       .tpot_permille = settings.tpot_permille});
  TlmConfig& config = settings.config;
  config.vocab = static_cast<uint32_t>(
      std::count(settings.vocabulary.begin(), settings.vocabulary.end(), '\n'));
  config.positions = positions;
  config.embedding = 16;
  config.hidden = 32;
  config.bottleneck = 16;
  config.heads = 2;
  config.intermediate = 32;
  config.feed_forwards = 1;
  config.layer_norm = true;
  config.layers = 2;
  config.shared_layers = 1;
  config.prompt_levels = static_cast<uint32_t>(settings.prompt_levels_permille.size());
  config.model_levels = static_cast<uint32_t>(settings.model_levels_permille.size());
  settings.window_overlap = 16;
  return settings;
}

}  // namespace elm
