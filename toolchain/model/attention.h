// Causal grouped-query attention with rotary positions, on tensors whose heads are already apart.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace elm {

// The rotation of positions [begin, begin + tokens): pair i of a head, dimensions i and i +
// head_dim / 2 (Hugging Face's half-split order), turns by position * theta^(-2 i / head_dim).
class Rotary {
 public:
  Rotary(int64_t begin, int64_t tokens, int64_t head_dim, double theta, torch::Device device);

  // heads [batch, heads, tokens, head_dim], rotated in float32 and returned in its own type.
  torch::Tensor Apply(const torch::Tensor& heads) const;

 private:
  torch::Tensor cosine_;  // [tokens, head_dim / 2] float32
  torch::Tensor sine_;    // [tokens, head_dim / 2] float32
};

// softmax(query key^T / sqrt(head_dim)) value with float32 softmax. query [batch, heads, tokens,
// head_dim] stands at the last `tokens` positions of key and value [batch, heads, positions,
// head_dim]; a query sees its own position and those before. Scores are made for a block of queries
// at a time, so that without gradients memory does not grow with tokens * positions.
torch::Tensor CausalAttention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value);

}  // namespace elm
