// The adapter of one level in LibTorch (LoRA, Hu et al. 2021): every product y = W x of the level
// gains scale * B (A x). The base stays as it is and is shared by all levels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "formats/elm/adapter_plan.h"
#include "toolchain/base/libtorch.h"

namespace elm {

// By AdapterPart, row-major, with the shapes that formats/elm/adapter_plan.h gives; undefined where
// the level skips the block.
using AdapterMatrices = std::array<torch::Tensor, kAdapterParts>;

struct LoraAdapter {
  uint32_t rank = 0;
  double scale = 0;  // alpha / rank
  std::vector<AdapterMatrices> layers;

  const torch::Tensor& part(size_t layer, AdapterPart part) const {
    return layers[layer][static_cast<size_t>(part)];
  }
  LoraAdapter To(torch::Device device, torch::Dtype dtype) const;
};

// A x of several products that read the same x at once. x [..., columns], stacked A [count * rank,
// columns] -> one [..., rank] for each.
std::vector<torch::Tensor> ProjectLow(const torch::Tensor& input, const torch::Tensor& stacked_a,
                                      int64_t rank);

}  // namespace elm
