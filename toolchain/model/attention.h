// Causal grouped-query attention with rotary positions, on tensors whose heads are already apart.
#pragma once

#include <cstdint>
#include <span>

#include "toolchain/base/libtorch.h"

namespace elm {

// The rotation of positions: pair i of a head, dimensions i and i + head_dim / 2 (Hugging Face's
// half-split order), turns by position * theta^(-2 i / head_dim).
class Rotary {
 public:
  // Positions [begin, begin + tokens) in every row of a batch.
  Rotary(int64_t begin, int64_t tokens, int64_t head_dim, double theta, torch::Device device);
  // positions [batch, tokens] int64: each row its own.
  Rotary(const torch::Tensor& positions, int64_t head_dim, double theta);

  // heads [batch, heads, tokens, head_dim], rotated in float32 and returned in its own type.
  torch::Tensor Apply(const torch::Tensor& heads) const;

  const torch::Tensor& cosine() const { return cosine_; }
  const torch::Tensor& sine() const { return sine_; }

 private:
  torch::Tensor cosine_;  // [tokens, head_dim / 2] or [batch, 1, tokens, head_dim / 2] float32
  torch::Tensor sine_;    // the same shape
};

// The KV heads that query heads read, int64 on `device`, to select them by.
torch::Tensor HeadIndex(std::span<const uint16_t> kv_of, torch::Device device);

// softmax(query key^T / sqrt(head_dim)) value with float32 softmax. query [batch, heads, tokens,
// head_dim] stands at the last `tokens` positions of key and value [batch, heads, positions,
// head_dim]; a query sees its own position and those before, of these only what `visible` (bool
// [batch, tokens, positions], when defined) marks: at least one for each query. `key_bias` (float32
// [batch, positions], when defined) is added to every query's scores of a key: the logarithm of a
// gate on how visible the key is. Scores are made for a block of queries at a time, so that without
// gradients memory does not grow with tokens * positions.
torch::Tensor CausalAttention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const torch::Tensor& visible = {},
                              const torch::Tensor& key_bias = {});

}  // namespace elm
