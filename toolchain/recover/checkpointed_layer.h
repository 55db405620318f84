// A layer that keeps only what goes into it and computes itself again in the backward pass
// (activation checkpointing, Chen et al. 2016).
#pragma once

#include <functional>
#include <utility>

#include "toolchain/base/libtorch.h"
#include "toolchain/model/lora_adapter.h"

namespace elm {

// From the residual stream before a layer to the one behind it. `branch`, what the block before has
// yet to add, is undefined before the first; the one that comes out is defined.
using LayerFunction = std::function<std::pair<torch::Tensor, torch::Tensor>(
    const torch::Tensor& sum, const torch::Tensor& branch, const AdapterMatrices& adapter)>;

// What run(sum, branch, adapter) gives, with the same gradients to `sum`, `branch` and the matrices
// of `adapter`. `run` is called once more in the backward pass: what it refers to must live until
// then.
std::pair<torch::Tensor, torch::Tensor> CheckpointedLayer(const LayerFunction& run,
                                                          const torch::Tensor& sum,
                                                          const torch::Tensor& branch,
                                                          const AdapterMatrices& adapter);

}  // namespace elm
