#include "formats/model/tensor_list.h"

namespace elm {
namespace {

// The part of the name behind "model.layers.<n>.", or the whole name of a tensor outside the
// layers.
const char* BaseName(TensorRole role) {
  switch (role) {
    case TensorRole::kEmbedding:
      return "model.embed_tokens.weight";
    case TensorRole::kAttentionNorm:
      return "input_layernorm.weight";
    case TensorRole::kQuery:
      return "self_attn.q_proj.weight";
    case TensorRole::kKey:
      return "self_attn.k_proj.weight";
    case TensorRole::kValue:
      return "self_attn.v_proj.weight";
    case TensorRole::kOutput:
      return "self_attn.o_proj.weight";
    case TensorRole::kMlpNorm:
      return "post_attention_layernorm.weight";
    case TensorRole::kGate:
      return "mlp.gate_proj.weight";
    case TensorRole::kUp:
      return "mlp.up_proj.weight";
    case TensorRole::kDown:
      return "mlp.down_proj.weight";
    case TensorRole::kFinalNorm:
      return "model.norm.weight";
    case TensorRole::kHead:
      return "lm_head.weight";
  }
  return "";
}

bool OutsideLayers(TensorRole role) {
  return role == TensorRole::kEmbedding || role == TensorRole::kFinalNorm ||
         role == TensorRole::kHead;
}

}  // namespace

std::string TensorName(TensorRole role, uint32_t layer) {
  if (OutsideLayers(role)) return BaseName(role);
  return StrCat("model.layers.", layer, ".", BaseName(role));
}

std::vector<TensorSpec> ListTensors(const ModelConfig& config) {
  const uint64_t width = config.width;
  const uint64_t neurons = config.neurons;
  const uint64_t query_width = config.query_width();
  const uint64_t kv_width = config.kv_width();
  std::vector<TensorSpec> list;
  const auto add = [&list](TensorRole role, uint32_t layer, uint64_t rows, uint64_t columns) {
    list.push_back({role, layer, TensorName(role, layer), rows, columns});
  };
  add(TensorRole::kEmbedding, 0, config.vocab, width);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    add(TensorRole::kAttentionNorm, layer, 1, width);
    add(TensorRole::kQuery, layer, query_width, width);
    add(TensorRole::kKey, layer, kv_width, width);
    add(TensorRole::kValue, layer, kv_width, width);
    add(TensorRole::kOutput, layer, width, query_width);
    add(TensorRole::kMlpNorm, layer, 1, width);
    add(TensorRole::kGate, layer, neurons, width);
    add(TensorRole::kUp, layer, neurons, width);
    add(TensorRole::kDown, layer, width, neurons);
  }
  add(TensorRole::kFinalNorm, 0, 1, width);
  if (!config.tied_head) add(TensorRole::kHead, 0, config.vocab, width);
  return list;
}

}  // namespace elm
