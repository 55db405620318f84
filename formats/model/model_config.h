// The shape of a Llama-architecture LLM: RMSNorm, rotary positions, grouped-query attention,
// SwiGLU.
#pragma once

#include <cstdint>

#include "formats/base/status.h"

namespace elm {

struct ModelConfig {
  uint32_t layers = 0;
  uint32_t width = 0;        // residual stream, "hidden_size"
  uint32_t query_heads = 0;  // per layer
  uint32_t kv_heads = 0;     // per layer; divides query_heads. 1 is MQA, query_heads is MHA
  uint32_t head_dim = 0;     // even; query_heads * head_dim need not equal width
  uint32_t neurons = 0;      // MLP units per layer, "intermediate_size"
  uint32_t vocab = 0;        // rows of the embedding
  uint32_t context = 0;      // most positions of a sequence, in tokens
  float rope_theta = 10000.0F;
  float rms_epsilon = 1e-5F;
  bool tied_head = false;  // the output head is the embedding matrix

  bool operator==(const ModelConfig&) const = default;

  uint32_t query_width() const { return query_heads * head_dim; }
  uint32_t kv_width() const { return kv_heads * head_dim; }
  uint32_t queries_per_kv() const { return query_heads / kv_heads; }
};

// Upper limits that every reader enforces, so that a damaged or hostile file cannot ask for absurd
// amounts. Generous: the largest open models stay an order of magnitude below each.
struct ModelLimits {
  static constexpr uint32_t kLayers = 1024;
  static constexpr uint32_t kWidth = 1U << 17;
  static constexpr uint32_t kHeads = 2048;
  static constexpr uint32_t kHeadDim = 1024;
  static constexpr uint32_t kNeurons = 1U << 20;
  static constexpr uint32_t kVocab = 1U << 22;
  static constexpr uint32_t kContext = 1U << 24;
};

// Every field within its limit, heads divisible, head_dim even, theta and epsilon finite and
// positive. The message names the field, its value and what is expected.
Status Validate(const ModelConfig& config);

}  // namespace elm
