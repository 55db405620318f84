#include "toolchain/model/token_loss.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace elm {
namespace {

// Logits that exist at once: 32 MiB in float32.
constexpr int64_t kMaxLogits = int64_t{1} << 23;

int64_t RowsAtOnce(const torch::Tensor& head) {
  return std::max<int64_t>(1, kMaxLogits / head.size(0));
}

struct RowLosses {
  torch::Tensor losses;       // [rows] float32
  torch::Tensor derivatives;  // [rows, width], d loss / d hidden; undefined unless asked for
};

RowLosses ChunkLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                    const torch::Tensor& targets, bool with_derivatives) {
  const torch::Tensor logits = torch::linear(hidden, head).to(torch::kFloat32);
  torch::Tensor log_probabilities = torch::log_softmax(logits, -1);
  const torch::Tensor columns = targets.unsqueeze(1);
  RowLosses result;
  result.losses = -log_probabilities.gather(1, columns).squeeze(1);
  if (with_derivatives) {
    torch::Tensor errors = log_probabilities.exp_();
    // Not scatter_add_, which CUDA refuses in deterministic mode.
    errors.scatter_(1, columns, errors.gather(1, columns) - 1.0);
    result.derivatives = torch::matmul(errors.to(head.scalar_type()), head);
  }
  return result;
}

RowLosses AllRows(const torch::Tensor& hidden, const torch::Tensor& head,
                  const torch::Tensor& targets, bool with_derivatives) {
  std::vector<torch::Tensor> losses;
  std::vector<torch::Tensor> derivatives;
  const int64_t rows = hidden.size(0);
  const int64_t step = RowsAtOnce(head);
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    RowLosses chunk = ChunkLoss(hidden.slice(0, begin, end), head, targets.slice(0, begin, end),
                                with_derivatives);
    losses.push_back(std::move(chunk.losses));
    if (with_derivatives) derivatives.push_back(std::move(chunk.derivatives));
  }
  return {torch::cat(losses), with_derivatives ? torch::cat(derivatives) : torch::Tensor()};
}

class TokenLossFunction : public torch::autograd::Function<TokenLossFunction> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& hidden, const torch::Tensor& head,
                               const torch::Tensor& targets) {
    const RowLosses rows = AllRows(hidden, head, targets, /*with_derivatives=*/true);
    context->save_for_backward({rows.derivatives});
    return rows.losses;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list outputs) {
    const torch::Tensor derivatives = context->get_saved_variables()[0];
    const torch::Tensor scale = outputs[0].unsqueeze(1).to(derivatives.scalar_type());
    return {derivatives * scale, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor TokenLoss(const torch::Tensor& hidden, const torch::Tensor& head,
                        const torch::Tensor& targets) {
  TORCH_CHECK(!head.requires_grad(), "TokenLoss gives no gradient to the head");
  TORCH_CHECK(hidden.size(0) > 0, "TokenLoss needs at least one position");
  if (torch::GradMode::is_enabled() && hidden.requires_grad()) {
    return TokenLossFunction::apply(hidden, head, targets);
  }
  return AllRows(hidden, head, targets, /*with_derivatives=*/false).losses;
}

}  // namespace elm
