#include "toolchain/recover/distillation_loss.h"

#include <gtest/gtest.h>

#include "toolchain/model/testing/random_model.h"
#include "toolchain/training/bf16_kernels.h"

namespace elm {
namespace {

struct Case {
  explicit Case(int64_t vocab, torch::Dtype dtype = torch::kFloat32)
      : student(torch::randn({70, 32}).to(dtype).set_requires_grad(true)),
        teacher(torch::randn({70, 32}).to(dtype)),
        head((torch::randn({vocab, 32}) * 0.3).to(dtype)),
        targets(torch::randint(vocab, {70}, torch::kInt64)),
        weights(torch::rand({70})) {}

  DistillationLosses Loss(double share, Kernels kernels = Kernels::kAuto) const {
    return DistillationLoss(student, teacher, head, targets, weights, share, kernels);
  }

  // By the definition.
  torch::Tensor Expected(double share) const {
    const torch::Tensor log_student = torch::log_softmax(torch::mm(student, head.t()), -1);
    const torch::Tensor log_teacher = torch::log_softmax(torch::mm(teacher, head.t()), -1);
    const torch::Tensor divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(1);
    const torch::Tensor next = -log_student.gather(1, targets.unsqueeze(1)).squeeze(1);
    return ((divergence * share + next * (1 - share)) * weights).sum();
  }

  torch::Tensor student, teacher, head, targets, weights;
};

TEST(DistillationLoss, IsWhatItsDefinitionSays) {
  torch::manual_seed(5);
  const Case given(48);
  for (const double share : {0.0, 0.5, 1.0}) {
    const torch::Tensor actual = given.Loss(share).total;
    const torch::Tensor expected = given.Expected(share);
    EXPECT_NEAR(actual.item<double>(), expected.item<double>(), 1e-3) << share;
    const torch::Tensor gradient = torch::autograd::grad({actual}, {given.student})[0];
    EXPECT_LT(MaxDifference(gradient, torch::autograd::grad({expected}, {given.student})[0]), 1e-5)
        << share;
  }
}

TEST(DistillationLoss, AStudentLikeItsTeacherHasNoDivergence) {
  torch::manual_seed(6);
  Case given(64);
  given.teacher = given.student.detach();
  const DistillationLosses losses = given.Loss(1.0);
  EXPECT_LT(losses.divergence.abs().max().item<double>(), 1e-5);
  EXPECT_LT(torch::autograd::grad({losses.total}, {given.student})[0].abs().max().item<double>(),
            1e-5);
}

// More rows than have logits at once.
TEST(DistillationLoss, LargeVocabulariesAreTakenInPieces) {
  torch::manual_seed(7);
  const Case given(40'000);
  EXPECT_NEAR(given.Loss(0.5).total.item<double>(), given.Expected(0.5).item<double>(), 1e-2);
}

TEST(DistillationLoss, FusedKernelsAgreeWithPlainOperations) {
  if (!HasBf16Kernels()) GTEST_SKIP() << "this processor does not multiply bfloat16";
  torch::manual_seed(8);
  const Case given(96, torch::kBFloat16);
  for (const double share : {0.0, 0.5, 1.0}) {
    const DistillationLosses fused = given.Loss(share);
    const DistillationLosses plain = given.Loss(share, Kernels::kPlain);
    EXPECT_LT(MaxDifference(fused.next_token, plain.next_token), 0.02) << share;
    EXPECT_LT(MaxDifference(fused.divergence, plain.divergence), 0.02) << share;
    const torch::Tensor a = torch::autograd::grad({fused.total}, {given.student})[0];
    const torch::Tensor b = torch::autograd::grad({plain.total}, {given.student})[0];
    EXPECT_LT(((a - b).norm() / b.norm()).item<double>(), 0.02) << share;
  }
}

}  // namespace
}  // namespace elm
