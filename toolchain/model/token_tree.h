// Rows of tokens that branch: several continuations of one prompt lie behind it in one row, each
// seeing the prompt and itself, so that the prompt is computed once. Rows of unequal length lie in
// one batch the same way: padding is a text of its own that nobody sees.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toolchain/base/libtorch.h"

namespace elm {

// Each token follows a parent, an earlier token of its row; a text begins without one. A token sees
// itself and its ancestors, and stands at the position that counts them.
struct TokenTree {
  torch::Tensor positions;  // [batch, tokens] int64
  torch::Tensor visible;    // [batch, tokens, tokens] bool: token of dimension 1 sees that of 2
};

// parents[row][token] is an index into the same row, below `token`; its own index where a text
// begins. Rows shorter than the longest are padded behind with tokens that see only themselves.
TokenTree MakeTokenTree(std::span<const std::vector<int64_t>> parents, torch::Device device);

}  // namespace elm
