// Next-token loss without ever holding the logits of all positions.
#pragma once

#include "toolchain/base/libtorch.h"

namespace elm {

// Cross-entropy of each row in nats, float32 [rows]: hidden [rows, width], head [vocab, width],
// targets int64 [rows]. Logits and log-softmax are made for a few rows at a time, the latter in
// float32.
//
// Gradients flow to `hidden` only (the head is frozen in all that the toolchain does; one that
// requires gradients is refused). The derivative of every row is made together with its loss,
// [rows, width] in all, so that the backward pass needs no logits either. No second derivatives.
torch::Tensor TokenLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                        const torch::Tensor& targets);

}  // namespace elm
