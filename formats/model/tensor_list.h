// The tensors of a Llama-architecture model: one canonical list that importers, the packer and the
// runtime share, so that a tensor is identified by name and role, never by position in a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/model/model_config.h"

namespace elm {

enum class TensorRole : uint8_t {
  kEmbedding,  // [vocab, width]
  kAttentionNorm,
  kQuery,   // [query_heads * head_dim, width]
  kKey,     // [kv_heads * head_dim, width]
  kValue,   // [kv_heads * head_dim, width]
  kOutput,  // [width, query_heads * head_dim]
  kMlpNorm,
  kGate,  // [neurons, width]
  kUp,    // [neurons, width]
  kDown,  // [width, neurons]
  kFinalNorm,
  kHead,  // [vocab, width]; absent when the head is tied
};

struct TensorSpec {
  TensorRole role;
  uint32_t layer = 0;  // 0 for tensors outside the layers
  std::string name;    // Hugging Face's, e.g. "model.layers.3.self_attn.q_proj.weight"
  uint64_t rows = 0;   // outputs; 1 for a norm, which is a vector of `columns`
  uint64_t columns = 0;

  bool is_vector() const {
    return role == TensorRole::kAttentionNorm || role == TensorRole::kMlpNorm ||
           role == TensorRole::kFinalNorm;
  }
};

std::string TensorName(TensorRole role, uint32_t layer);

// Embedding, then per layer attention norm, q, k, v, o, MLP norm, gate, up, down, then the final
// norm and, when not tied, the head. `config` must be valid.
std::vector<TensorSpec> ListTensors(const ModelConfig& config);

}  // namespace elm
