// What a level asks of a machine: bytes of weights and multiplications, counted and not measured.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "formats/elm/bundle.h"

namespace elm {

// How a bundle stores its matrices; norms are not counted.
struct WeightSummary {
  uint64_t weights = 0;
  double bits_per_weight = 0;  // scales and padding included
  WeightType main_type = WeightType::kF32;
  // Every type that occurs, with its part of the weights, the largest part first.
  std::vector<std::pair<WeightType, double>> types;
};

WeightSummary SummariseWeights(const BundleView& view);

// One pass of a level's weights over some tokens, logits behind the last one only.
struct LevelWork {
  // Bytes of weights that one token touches: the level's prefixes, norms and head whole, one row of
  // the embedding, the level's adapter where it is used. The KV cache is not counted.
  uint64_t token_bytes = 0;
  uint64_t layer_weights = 0;  // that multiply every token
  uint64_t head_weights = 0;   // that multiply where logits are wanted

  // Multiplications and additions of the products with weights; attention and adapters are not
  // counted.
  double Operations(uint64_t tokens, uint64_t logits) const {
    return 2.0 * (static_cast<double>(tokens) * static_cast<double>(layer_weights) +
                  static_cast<double>(logits) * static_cast<double>(head_weights));
  }
};

// Multiplications and additions of the tiny LM's products for a window of `tokens`: the shared
// layers, and of the branches that run the layers above; of the last decision layer only keys and
// values for all tokens. Attention's own are not counted.
double TlmOperations(const TlmConfig& config, uint64_t tokens, bool score, bool decision);

// The adapter that `level` has, or nullptr.
const BundleAdapter* AdapterOf(const BundleView& view, size_t level);

LevelWork WorkOf(const BundleView& view, size_t level, bool use_adapter = true);

}  // namespace elm
