#include "toolchain/recover/distillation_loss.h"

#include <algorithm>

#include "toolchain/training/bf16_kernels.h"
#include "toolchain/training/fused.h"

namespace elm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Logits of student and of teacher that exist at once: for small vocabularies what a processor's
// own cache holds of either, for large ones 16 MiB in float32.
constexpr int64_t kCachedLogits = int64_t{1} << 18;
constexpr int64_t kMostLogits = int64_t{1} << 22;
constexpr int64_t kFewestRows = 64;

int64_t RowsAtOnce(int64_t vocab, bool on_processor) {
  const int64_t cached = std::max(kFewestRows, kCachedLogits / vocab);
  const int64_t most = std::max<int64_t>(1, kMostLogits / vocab);
  return on_processor ? std::min(cached, most) : 4 * most;
}

struct Rows {
  torch::Tensor student;     // [rows, width]
  torch::Tensor teacher;     // [rows, width] or undefined
  torch::Tensor targets;     // [rows]
  torch::Tensor weights;     // [rows]
  torch::Tensor next_token;  // [rows], written
  torch::Tensor divergence;  // [rows], written
  torch::Tensor gradient;    // [rows, width], written; undefined when nobody asks

  Rows Slice(int64_t begin, int64_t end) const {
    const auto cut = [&](const torch::Tensor& tensor) {
      return tensor.defined() ? tensor.slice(0, begin, end) : tensor;
    };
    return {cut(student),    cut(teacher),    cut(targets), cut(weights),
            cut(next_token), cut(divergence), cut(gradient)};
  }
};

void PlainRows(const Rows& rows, const torch::Tensor& head, double share) {
  const torch::Tensor log_student =
      torch::log_softmax(torch::mm(rows.student, head.t()).to(torch::kFloat32), -1);
  const torch::Tensor columns = rows.targets.unsqueeze(1);
  rows.next_token.copy_(-log_student.gather(1, columns).squeeze(1));
  torch::Tensor wanted = torch::zeros_like(log_student);
  wanted.scatter_(1, columns, 1.0 - share);
  if (rows.teacher.defined()) {
    const torch::Tensor log_teacher =
        torch::log_softmax(torch::mm(rows.teacher, head.t()).to(torch::kFloat32), -1);
    const torch::Tensor teacher = log_teacher.exp();
    rows.divergence.copy_((teacher * (log_teacher - log_student)).sum(1));
    wanted.add_(teacher, share);
  }
  if (!rows.gradient.defined()) return;
  const torch::Tensor error = (log_student.exp() - wanted) * rows.weights.unsqueeze(1);
  torch::Tensor gradient = rows.gradient;
  torch::mm_out(gradient, error.to(head.scalar_type()), head);
}

uint16_t* Halves(const torch::Tensor& tensor) { return static_cast<uint16_t*>(tensor.data_ptr()); }

void FusedRows(const Rows& rows, const torch::Tensor& head, double share) {
  torch::Tensor student = torch::mm(rows.student, head.t());
  const torch::Tensor teacher =
      rows.teacher.defined() ? torch::mm(rows.teacher, head.t()) : torch::Tensor();
  ForRowRuns(student.size(0), [&](int64_t, int64_t begin, int64_t end) {
    const int64_t at = begin * head.size(0);
    Bf16Distillation({.rows = end - begin,
                      .vocab = head.size(0),
                      .share = static_cast<float>(share),
                      .student = Halves(student) + at,
                      .teacher = teacher.defined() ? Halves(teacher) + at : nullptr,
                      .targets = rows.targets.data_ptr<int64_t>() + begin,
                      .weights = rows.weights.data_ptr<float>() + begin,
                      .next_token = rows.next_token.data_ptr<float>() + begin,
                      .divergence = rows.divergence.data_ptr<float>() + begin});
  });
  if (!rows.gradient.defined()) return;
  torch::Tensor gradient = rows.gradient;
  torch::mm_out(gradient, student, head);
}

// Losses of all rows, and their gradient where `rows.gradient` is defined.
void AllRows(const Rows& rows, const torch::Tensor& head, double share, bool fused) {
  const int64_t count = rows.student.size(0);
  const int64_t step = RowsAtOnce(head.size(0), rows.student.is_cpu());
  for (int64_t begin = 0; begin < count; begin += step) {
    const Rows some = rows.Slice(begin, std::min(count, begin + step));
    if (fused) {
      FusedRows(some, head, share);
    } else {
      PlainRows(some, head, share);
    }
  }
}

// The gradient is made with the losses, so that no logits are needed for it later.
class DistillationFunction : public torch::autograd::Function<DistillationFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& student,
                               const torch::Tensor& total, const torch::Tensor& gradient) {
    (void)student;
    context->save_for_backward({gradient});
    return total.clone();
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const torch::Tensor gradient = context->get_saved_variables()[0];
    return {gradient * gradients[0].to(gradient.scalar_type()), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

DistillationLosses DistillationLoss(const torch::Tensor& student, const torch::Tensor& teacher,
                                    const torch::Tensor& head, const torch::Tensor& targets,
                                    const torch::Tensor& weights, double share, Kernels kernels) {
  TORCH_CHECK(share == 0 || teacher.defined(), "distillation needs a teacher");
  const bool differentiable = torch::GradMode::is_enabled() && student.requires_grad();
  Rows rows;
  DistillationLosses losses;
  {
    const torch::NoGradGuard no_grad;
    rows.student = student.detach();
    if (share > 0) rows.teacher = teacher.detach();
    rows.targets = targets;
    rows.weights = weights;
    rows.next_token = torch::zeros_like(weights);
    rows.divergence = torch::zeros_like(weights);
    if (differentiable) rows.gradient = torch::empty_like(rows.student);
    AllRows(rows, head, share,
            UsesFusedKernels(kernels, student, student.scalar_type(), head.size(0)));
    losses.next_token = rows.next_token;
    losses.divergence = rows.divergence;
    losses.total = ((rows.divergence * share + rows.next_token * (1.0 - share)) * weights).sum();
  }
  if (differentiable) {
    losses.total = DistillationFunction::apply(student, losses.total, rows.gradient);
  }
  return losses;
}

}  // namespace elm
