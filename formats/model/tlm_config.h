// The shape of the tiny language model (TLM) that scores the words of a prompt and chooses the
// levels: MobileBERT (Sun et al. 2020, arXiv 2004.02984) with two top halves.
//
// The bottom `shared_layers` serve both branches; each branch has its own copy of the layers above.
// The score branch ends in one logit for each position (retain or drop), the decision branch reads
// the first position and ends in two classifiers (prompt level, model level) and in the grid head,
// one logit for each pair: whether the answer will be right.
#pragma once

#include <cstdint>

#include "formats/base/status.h"

namespace elm {

struct TlmConfig {
  uint32_t vocab = 0;         // rows of the word embedding, SLO tokens included
  uint32_t positions = 0;     // most tokens of a window
  uint32_t token_types = 2;   // 0: up to the [SEP] behind the question, 1: context
  uint32_t embedding = 0;     // width of a word's row, "embedding_size"
  bool trigram = true;        // a position's input is the next, its own and the previous word's row
  uint32_t hidden = 0;        // between layers, "hidden_size"
  uint32_t bottleneck = 0;    // inside a layer, "true_hidden_size" = "intra_bottleneck_size"
  uint32_t heads = 0;         // divides bottleneck
  uint32_t intermediate = 0;  // neurons of one feed-forward network, "intermediate_size"
  uint32_t feed_forwards = 0;   // stacked ones in a layer, "num_feedforward_networks"
  bool layer_norm = false;      // false: NoNorm, scale and shift only
  float norm_epsilon = 1e-12F;  // of LayerNorm, "layer_norm_eps"; two norms take kPlainNormEpsilon
  uint32_t layers = 0;          // that a branch runs through
  uint32_t shared_layers = 0;   // at most layers
  uint32_t prompt_levels = 0;   // P, outputs of the prompt classifier
  uint32_t model_levels = 0;    // M, outputs of the model classifier; the grid head has P * M

  bool operator==(const TlmConfig&) const = default;

  uint32_t head_dim() const { return bottleneck / heads; }
  // Inputs of the embedding projection.
  uint32_t embedding_inputs() const { return trigram ? 3 * embedding : embedding; }
  // Layers of both branches together.
  uint32_t stored_layers() const { return 2 * layers - shared_layers; }
};

// Hugging Face gives the LayerNorm of the embeddings and of the last feed-forward network PyTorch's
// default instead of layer_norm_eps.
inline constexpr float kPlainNormEpsilon = 1e-5F;

// Caps that every reader enforces.
struct TlmLimits {
  static constexpr uint32_t kVocab = 1U << 20;
  static constexpr uint32_t kPositions = 1U << 14;
  static constexpr uint32_t kTokenTypes = 16;
  static constexpr uint32_t kWidth = 1U << 13;  // embedding, hidden, bottleneck, intermediate
  static constexpr uint32_t kHeads = 256;
  static constexpr uint32_t kFeedForwards = 16;
  static constexpr uint32_t kLayers = 128;
  static constexpr uint32_t kLevels = 64;  // prompt levels, model levels
};

// Every field within its cap, heads divide bottleneck, epsilon finite and positive. The message
// names the field, its value and what is expected.
Status Validate(const TlmConfig& config);

}  // namespace elm
