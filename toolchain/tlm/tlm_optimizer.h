// One optimiser for everything that trains a tiny LM: AdamW (Loshchilov and Hutter 2019) with a
// linear warm-up, a cosine and clipping.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
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

class TlmOptimizer;

// What a training tells and keeps; each may be empty.
struct TrainingHooks {
  TrainingProgress progress = {};
  // Called once in front: may bring the optimiser to where an earlier sitting left it. The training
  // goes on with the batches that would have followed.
  std::function<void(TlmOptimizer&)> resume = {};
  // Called now and then, and at the end.
  std::function<void(TlmOptimizer&)> keep = {};
};

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
  uint64_t total_updates() const { return training_.updates; }

  // All that a later sitting needs beside updates(): all of the model's tensors (an earlier phase
  // may have learnt those that this one does not), what is learnt besides, and the moments, under
  // names that depend on nothing but their order. To be read and written in place.
  std::vector<std::pair<std::string, torch::Tensor>> State();
  void set_updates(uint64_t updates) { update_ = updates; }

  // Calls `hooks` where it is time to: after every 50th update, every 500th, and the last.
  void Tell(const TrainingHooks& hooks);

  // Mean loss since the last call.
  double TakeMeanLoss();

 private:
  void Move(double rate);

  TlmTraining training_;
  std::vector<torch::Tensor> weights_;  // of the model, and what is learnt besides
  std::vector<torch::Tensor> learnt_;
  std::vector<bool> decays_;          // [learnt]
  std::vector<torch::Tensor> first_;  // moments of the gradients, [learnt]
  std::vector<torch::Tensor> second_;
  uint64_t update_ = 0;
  double loss_sum_ = 0;
  uint64_t losses_ = 0;
};

}  // namespace elm
