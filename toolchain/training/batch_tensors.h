// A micro-batch on the device that computes it.
#pragma once

#include "formats/model/model_config.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/training/operations.h"
#include "toolchain/training/training_stream.h"

namespace elm {

struct BatchTensors {
  torch::Tensor ids;      // [rows] int64
  torch::Tensor targets;  // [rows] int64
  torch::Tensor weights;  // [rows] float32
  SequenceLayout layout;
};

// Weight of a token of that role, before the sum over a step is normalised.
double RoleWeight(TokenRole role, double context_weight);

// `scale` multiplies the weights.
BatchTensors ToTensors(const MicroBatch& batch, const ModelConfig& config, double context_weight,
                       double scale, torch::Device device);

}  // namespace elm
