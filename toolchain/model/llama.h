// The elastic LLM in LibTorch: forward at a level (really sliced, not masked), with gates on its
// units, with skipped layers.
//
// Throws elm::Error (bad input) or c10::Error (LibTorch). Const methods may run in parallel, but
// LibTorch already uses all threads inside one call.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"
#include "formats/model/unit_order.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/model/lora_adapter.h"
#include "toolchain/model/token_tree.h"

namespace elm {

struct LlamaLayer {
  torch::Tensor attention_norm;  // [width]
  torch::Tensor query;           // [query_heads * head_dim, width]
  torch::Tensor key;             // [kv_heads * head_dim, width]
  torch::Tensor value;           // [kv_heads * head_dim, width]
  torch::Tensor output;          // [width, query_heads * head_dim]
  torch::Tensor mlp_norm;        // [width]
  torch::Tensor gate;            // [neurons, width]
  torch::Tensor up;              // [neurons, width]
  torch::Tensor down;            // [width, neurons]
  std::vector<uint16_t> kv_of;   // [query_heads]: KV head that each query head reads
};

// A gate multiplies a unit's output; 1 leaves the model as it is, 0 removes the unit. Undefined
// tensors mean no gates. Shapes broadcast against the batch: [units] or [batch, tokens, units]. At
// a level the first gates belong to the kept units and the others are not used.
struct LayerGates {
  torch::Tensor heads;    // units = query heads, on each head's output before W_o
  torch::Tensor neurons;  // units = neurons, on silu(gate) * up before W_down
};

// Chooses for every token which units of a layer count, while the pass runs.
class UnitGating {
 public:
  virtual ~UnitGating() = default;
  // Gates [batch, tokens, query_heads]: `input` [batch, tokens, width] is what the block reads
  // after its norm, `outputs` [batch, tokens, query_heads, head_dim] what its heads give before
  // W_o.
  virtual torch::Tensor Heads(size_t layer, const torch::Tensor& input,
                              const torch::Tensor& outputs) const = 0;
  // Gates [batch, tokens, neurons]; outputs [batch, tokens, neurons] are silu(gate) * up.
  virtual torch::Tensor Neurons(size_t layer, const torch::Tensor& input,
                                const torch::Tensor& outputs) const = 0;
};

// What a layer adds to the residual stream whatever it keeps: vectors that stand for the mean
// output of removed units. In the model's type and on its device; undefined tensors mean none.
struct LayerBias {
  torch::Tensor attention;  // [width], behind W_o
  torch::Tensor mlp;        // [width], behind W_down
};

// Keys and values of the positions that a batch has seen. Begins empty; every forward pass appends
// its tokens. All passes of one cache use the same batch size, level and skipped layers.
struct KvCache {
  int64_t tokens = 0;
  std::vector<torch::Tensor> keys;    // [layers] of [batch, kv_heads, tokens, head_dim], rotated
  std::vector<torch::Tensor> values;  // [layers] of [batch, kv_heads, tokens, head_dim]
};

// Sees what goes into the matrices of a layer, [batch, tokens, columns]: once for query, key and
// value (as kQuery), for output, for gate and up (as kGate), and for down. At a level the inputs of
// output and down are those that it keeps.
using InputObserver =
    std::function<void(size_t layer, TensorRole reader, const torch::Tensor& input)>;

struct ForwardOptions {
  const Level* level =
      nullptr;  // nullptr: everything. The model must be in stored (reordered) order
  // Of that level, in the model's type and on its device; nullptr: none.
  const LoraAdapter* adapter = nullptr;
  std::vector<bool> skip_layers = {};      // [layers] or empty; a skipped layer is the identity
  std::span<const LayerGates> gates = {};  // [layers] or empty
  const UnitGating* gating = nullptr;      // gates that depend on the token
  std::span<const LayerBias> biases = {};  // [layers] or empty
  KvCache* cache = nullptr;                // `ids` continue what the cache holds; without gradients
  const TokenTree* tree = nullptr;  // nullptr: each token follows the one before. Not with a cache
  const InputObserver* observer = nullptr;
  // Added to the attention scores of each token as a key, in all layers: [batch, tokens] float32,
  // or undefined. Not with a cache.
  torch::Tensor key_bias = {};
};

class Llama {
 public:
  // Reads the checkpoint tensor by tensor onto `device` in `dtype` (torch::kFloat32,
  // torch::kBFloat16 or torch::kFloat16). Refuses NaN and infinite weights by tensor name.
  static Llama Load(const Checkpoint& checkpoint, torch::Device device, torch::Dtype dtype);

  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return embedding.device(); }
  torch::Dtype dtype() const { return embedding.scalar_type(); }

  // The same model with its units in `order`: logits are equal up to float rounding.
  Llama Reordered(const UnitOrder& order) const;

  // ids [batch, tokens] int64 -> hidden states after the final norm [batch, tokens, width].
  torch::Tensor Hidden(const torch::Tensor& ids, const ForwardOptions& options = {}) const;

  // ids [batch, tokens] -> float32 logits [batch, tokens, vocab].
  torch::Tensor Logits(const torch::Tensor& ids, const ForwardOptions& options = {}) const;

  // Mean next-token loss of each sequence in nats, float32 [batch]: positions 0..tokens-2 predict
  // 1..tokens-1. The vocabulary's logits are made a few rows at a time, never all at once.
  torch::Tensor SequenceLoss(const torch::Tensor& ids, const ForwardOptions& options = {}) const;

  // The steps of SequenceLoss, for callers that share some of them between several passes. The
  // residual stream is [batch, tokens, width]: Embed() makes the one before layer 0, RunLayers()
  // takes the one before layer `begin` to the one before layer `end`, StreamLoss() ends with the
  // one after the last.
  torch::Tensor Embed(const torch::Tensor& ids) const;
  torch::Tensor RunLayers(torch::Tensor stream, size_t begin, size_t end,
                          const ForwardOptions& options = {}) const;
  torch::Tensor FinalNorm(const torch::Tensor& stream) const;
  torch::Tensor StreamLoss(const torch::Tensor& stream, const torch::Tensor& ids) const;

  torch::Tensor embedding;   // [vocab, width]
  torch::Tensor final_norm;  // [width]
  torch::Tensor head;        // [vocab, width]; the embedding itself when tied
  std::vector<LlamaLayer> layers;

 private:
  ModelConfig config_;
};

// Rows [begin, end) of the windows as int64 [end - begin, length] on `device`.
torch::Tensor WindowBatch(const TokenWindows& windows, size_t begin, size_t end,
                          torch::Device device);

}  // namespace elm
