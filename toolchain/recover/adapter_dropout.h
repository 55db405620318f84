// Dropout of what adapters read, as LoRA is published (Hu et al. 2022) and as LLM-Pruner's recipe
// has it at 0.05: in training y = W x + scale / (1 - rate) * B (A (mask * x)), the mask 0 with
// probability `rate` and else 1, drawn anew for every product of every update.
#pragma once

#include <cstdint>

#include "toolchain/base/libtorch.h"

namespace elm {

// A mask is a function of its key and its shape alone, whatever thread, process or sitting draws
// it, and however often: layers that are computed again see the same one.
struct AdapterDropout {
  double rate = 0;  // 0: nothing is dropped
  uint64_t key = 0;

  // Of a part of what this one stands for: a layer, a product.
  AdapterDropout Of(uint64_t part) const;
};

// [rows, columns] of zeros and ones on the device and in the type (bfloat16 or float32) of
// `options`.
torch::Tensor DropoutMask(const AdapterDropout& dropout, int64_t rows, int64_t columns,
                          const torch::TensorOptions& options);

}  // namespace elm
