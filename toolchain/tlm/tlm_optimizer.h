// One optimiser for everything that trains a tiny LM: AdamW (Loshchilov and Hutter 2019) with a
// linear warm-up, a cosine and clipping.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

struct TlmTraining {
  uint64_t updates = 2000;
  double learning_rate = 2e-3;  // the peak, after a twentieth of the updates; the last has a tenth
  double weight_decay = 0.01;   // of matrices and tables
  double clip = 1.0;            // longest gradient
};

// `update` of `updates` is done; `loss` is the mean in nats since the last report. Throwing from it
// stops the training.
using TrainingProgress = std::function<void(uint64_t update, uint64_t updates, double loss)>;

class TlmOptimizer {
 public:
  // Learns those tensors of `model` that `learns` accepts, and `more`; gradients of all others are
  // switched off.
  TlmOptimizer(TorchTlm& model, const std::function<bool(const TlmTensorSpec&)>& learns,
               const TlmTraining& training, const std::vector<torch::Tensor>& more = {});
  // Leaves no tensor with gradients behind.
  ~TlmOptimizer();
  TlmOptimizer(const TlmOptimizer&) = delete;
  TlmOptimizer& operator=(const TlmOptimizer&) = delete;

  const std::vector<torch::Tensor>& learnt() const { return learnt_; }

  // One update down the gradient of `loss`. Throws elm::Error, naming `what` and the update, when
  // the loss is not finite.
  void Step(const torch::Tensor& loss, const char* what);
  uint64_t updates() const { return update_; }

  // Mean loss since the last call.
  double TakeMeanLoss();

 private:
  void Move(double rate);

  TlmTraining training_;
  std::vector<torch::Tensor> learnt_;
  std::vector<bool> decays_;          // [learnt]
  std::vector<torch::Tensor> first_;  // moments of the gradients, [learnt]
  std::vector<torch::Tensor> second_;
  uint64_t update_ = 0;
  double loss_sum_ = 0;
  uint64_t losses_ = 0;
};

}  // namespace elm
