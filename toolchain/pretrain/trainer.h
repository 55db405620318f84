// One model in training: updates over the steps of a stream, and measurements.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "toolchain/base/worker_pool.h"
#include "toolchain/pretrain/adamw.h"
#include "toolchain/pretrain/pretrain_options.h"
#include "toolchain/pretrain/trainable_llama.h"
#include "toolchain/training/training_stream.h"

namespace elm {

// Sums of losses over tokens, by what the tokens are.
struct LossSums {
  double answer_loss = 0;
  uint64_t answer_tokens = 0;
  double other_loss = 0;
  uint64_t other_tokens = 0;

  void Add(const LossSums& more);
  // Nats per token; 0 without tokens.
  double answer_mean() const;
  double other_mean() const;
};

class Trainer {
 public:
  // `options.dtype` is float32 or bfloat16.
  explicit Trainer(const PretrainOptions& options);
  // On another device than the options name.
  Trainer(const PretrainOptions& options, torch::Device device);

  TrainableLlama& model() { return model_; }
  AdamW& optimizer() { return optimizer_; }

  // One update. Throws elm::Error when the loss or its gradient is not finite.
  LossSums Update(const TrainingStep& step);

  // Losses without an update.
  LossSums Measure(std::span<const MicroBatch> batches);

 private:
  LossSums RunPart(const MicroBatch& batch, double scale, size_t worker, Gradients* gradients);

  const PretrainOptions options_;
  TrainableLlama model_;
  WorkerPool pool_;
  std::vector<TrainableLlama> replicas_;  // one per worker
  AdamW optimizer_;
};

// The type that "auto" stands for: bfloat16 where the device multiplies it.
std::string ChooseDtype(const std::string& dtype, const std::string& device);

}  // namespace elm
