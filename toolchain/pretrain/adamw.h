// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) with clipping by the
// gradients' global norm, over the parameters of a TrainableLlama.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/pretrain/adamw_kernels.h"
#include "toolchain/pretrain/trainable_llama.h"

namespace elm {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // of matrices, times the learning rate, per step
  double clip = 1.0;          // longest gradient
};

class AdamW {
 public:
  // `model` and `pool` must outlive this.
  AdamW(TrainableLlama& model, WorkerPool& pool, AdamWOptions options);

  // One step along the sum of `gradients`; returns its norm before clipping. Bits do not depend on
  // the number of threads.
  double Step(double learning_rate, std::span<const Gradients> gradients);

  // What a checkpoint keeps besides the weights. Moments are in the order of parameters().
  std::vector<torch::Tensor>& first_moments() { return first_; }
  std::vector<torch::Tensor>& second_moments() { return second_; }
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  // Parts of a parameter that one thread updates at once.
  struct Piece {
    size_t parameter;
    int64_t begin;
    int64_t count;
  };
  double SumGradients(std::span<const Gradients> gradients);
  void Update(const Piece& piece, AdamWUpdate update);

  TrainableLlama& model_;
  WorkerPool& pool_;
  AdamWOptions options_;
  std::vector<torch::Tensor> gradients_;  // float32, like the masters
  std::vector<torch::Tensor> first_;
  std::vector<torch::Tensor> second_;
  std::vector<Piece> pieces_;
  int64_t steps_ = 0;
};

}  // namespace elm
