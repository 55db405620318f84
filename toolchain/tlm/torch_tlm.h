// The tiny LM in LibTorch: MobileBERT by configuration (formats/model/tlm_config.h), for training,
// labelling and as the reference of the runtime's.
//
// Weights are float32 and named by ListTlmTensors(), so what is trained is what is packed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/model/tlm_config.h"
#include "formats/model/tlm_tensors.h"
#include "runtime/tlm/tlm_input.h"
#include "toolchain/base/libtorch.h"

namespace elm {

// Windows side by side, padded behind. Nothing that is computed for a window depends on the padding
// or on its neighbours.
struct TlmBatch {
  torch::Tensor ids;      // [windows, longest] int64, 0 behind the end
  torch::Tensor types;    // [windows, longest] int64: 0 before the header's end, 1 from there on
  torch::Tensor visible;  // [windows, longest] bool
};

TlmBatch MakeTlmBatch(std::span<const TlmWindow* const> windows);

class TorchTlm {
 public:
  // Random weights; equal seeds give equal ones. Positions begin as sinusoids, from which attention
  // to neighbours is easily learnt; layer 0's queries equal its keys; matrices keep the variance of
  // what they read.
  TorchTlm(const TlmConfig& config, uint64_t seed);

  const TlmConfig& config() const { return config_; }
  // In the order of ListTlmTensors(): matrices [rows, columns], vectors [columns].
  const std::vector<TlmTensorSpec>& specs() const { return specs_; }
  std::vector<torch::Tensor>& tensors() { return tensors_; }
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }
  const torch::Tensor& Get(TlmRole role, bool bias = false, TlmBranch branch = TlmBranch::kShared,
                           uint32_t layer = 0, uint32_t part = 0) const;

  // Weights of the layers, norms and heads: all but words, positions and token types.
  uint64_t body_weights() const;

  // Copies the weights of `other`, of the same config.
  void CopyFrom(const TorchTlm& other);
  // Copies those tensors that have the same place and shape in `other`, such as a body for other
  // numbers of levels.
  void CopyWhatFits(const TorchTlm& other);

  // Hidden states [windows, longest, hidden] after the embedding block, ...
  torch::Tensor Embed(const TlmBatch& batch) const;
  // ... after layer `layer`, ...
  torch::Tensor RunLayer(const torch::Tensor& hidden, const torch::Tensor& visible,
                         TlmBranch branch, uint32_t layer) const;
  // ... after the shared layers, and at the end of a branch.
  torch::Tensor RunShared(const TlmBatch& batch) const;
  torch::Tensor RunBranch(torch::Tensor hidden, const torch::Tensor& visible,
                          TlmBranch branch) const;

  // Logits of retaining, [windows, longest]; those of header and padding mean nothing.
  torch::Tensor ScoreLogits(const TlmBatch& batch) const;

  struct Decision {
    torch::Tensor prompt_levels;  // logits [windows, P]
    torch::Tensor model_levels;   // logits [windows, M]
    torch::Tensor right;          // logits [windows, P * M]
  };
  // From the first position of the decision branch, [windows, hidden].
  Decision Decide(const torch::Tensor& first) const;
  Decision DecideLogits(const TlmBatch& batch) const;

 private:
  size_t IndexOf(TlmRole role, bool bias, TlmBranch branch, uint32_t layer, uint32_t part) const;
  torch::Tensor Product(const torch::Tensor& input, TlmRole role, TlmBranch branch,
                        uint32_t layer = 0, uint32_t part = 0) const;
  torch::Tensor Norm(const torch::Tensor& input, TlmRole role, TlmBranch branch, uint32_t layer = 0,
                     uint32_t part = 0) const;
  torch::Tensor Attend(const torch::Tensor& hidden, const torch::Tensor& visible, TlmBranch branch,
                       uint32_t layer) const;

  TlmConfig config_;
  std::vector<TlmTensorSpec> specs_;
  std::vector<torch::Tensor> tensors_;
  std::vector<size_t> index_;  // of IndexOf()'s key
};

}  // namespace elm
