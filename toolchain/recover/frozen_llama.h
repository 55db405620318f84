// The model that recovery adapts: frozen weights as training reads them, the whole model (the
// teacher) or any level of it, with or without an adapter. Levels are views; they copy nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/lora_adapter.h"
#include "toolchain/recover/adapter_dropout.h"
#include "toolchain/training/operations.h"

namespace elm {

struct LevelPass {
  const Level* level = nullptr;            // nullptr: the whole model
  const LoraAdapter* adapter = nullptr;    // float32; its matrices may be leaves of the graph
  std::span<const LayerBias> biases = {};  // [layers] or empty
  // Forget what layers compute and compute it again in the backward pass: memory for one layer
  // instead of all, for a third more time.
  bool checkpoint_layers = false;
  Kernels kernels = Kernels::kAuto;
  AdapterDropout dropout = {};  // of what the adapter reads; in training only
};

class FrozenLlama {
 public:
  // `model` has its units in stored order. Matrices are kept in `dtype` (float32 or bfloat16), the
  // embedding and norms in float32; what is of that type already is shared with `model`.
  FrozenLlama(const Llama& model, torch::Dtype dtype);

  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return embedding_.device(); }
  torch::Dtype dtype() const { return head_.scalar_type(); }
  const torch::Tensor& head() const { return head_; }

  // ids [rows] int64 in the sequences of `layout`, which must outlive the backward pass -> hidden
  // states after the final norm, [rows, width] in dtype(). Gradients flow to the adapter only.
  torch::Tensor Hidden(const torch::Tensor& ids, const SequenceLayout& layout,
                       const LevelPass& pass) const;

 private:
  ModelConfig config_;
  torch::Tensor embedding_;  // [vocab, width] float32
  torch::Tensor final_norm_;
  torch::Tensor head_;  // [vocab, width]
  std::vector<LlamaLayer> layers_;
};

}  // namespace elm
