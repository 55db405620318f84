// What recovery minimises, row by row, in nats:
//
//   share * KL(teacher || student) + (1 - share) * -log student(target)
//
// (Hinton, Vinyals and Dean 2015, at temperature 1). Its gradient by the student's logits is
// student - (share * teacher + (1 - share) * onehot(target)), so both terms cost one pass.
#pragma once

#include "toolchain/base/libtorch.h"
#include "toolchain/training/fused.h"

namespace elm {

struct DistillationLosses {
  torch::Tensor total;       // sum over rows of weights * loss, float32 scalar; carries gradients
  torch::Tensor next_token;  // [rows] float32, -log student(target); none from here on do
  torch::Tensor divergence;  // [rows] float32, KL(teacher || student); zeros when share is 0
};

// student and teacher [rows, width]: hidden states after the final norm. head [vocab, width],
// frozen, in their type. targets int64 [rows], weights float32 [rows]. `teacher` may be undefined
// when `share` is 0. Logits exist for a few rows at a time. Gradients flow to `student` only.
DistillationLosses DistillationLoss(const torch::Tensor& student, const torch::Tensor& teacher,
                                    const torch::Tensor& head, const torch::Tensor& targets,
                                    const torch::Tensor& weights, double share,
                                    Kernels kernels = Kernels::kAuto);

}  // namespace elm
