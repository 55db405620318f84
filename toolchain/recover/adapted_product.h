// y = W x + scale * B (A x) with W frozen, for several W that read the same x.
#pragma once

#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/recover/adapter_dropout.h"

namespace elm {

// One product of a group: rows of W, and the B that belongs to them.
struct ProductPart {
  torch::Tensor weight;  // [outputs, columns], in the type of the input; without gradient
  torch::Tensor b;       // [outputs, rank] float32; undefined without adapter
};

// input [rows, columns] -> the products side by side, [rows, sum of outputs], in the input's type.
// `a` [parts * rank, columns] float32 stacks the parts' A. Gradients go to the input, `a` and every
// B, those of the latter in float32; no second derivatives. Without adapter (`a` undefined) there
// is nothing to train, and the input must not want a gradient. `dropout` leaves out a part of what
// the A read, alike for all of them.
torch::Tensor AdaptedProduct(const torch::Tensor& input, const std::vector<ProductPart>& parts,
                             const torch::Tensor& a, double scale,
                             const AdapterDropout& dropout = {});

}  // namespace elm
