#include "toolchain/pretrain/adamw.h"

#include <algorithm>
#include <cmath>

namespace elm {
namespace {

// Elements that one thread takes at a time. Sums are made per piece, so they do not depend on the
// number of threads.
constexpr int64_t kPieceElements = 1 << 16;

bool IsBf16(const torch::Tensor& tensor) { return tensor.scalar_type() == torch::kBFloat16; }

const uint16_t* Halves(const torch::Tensor& tensor) {
  return static_cast<const uint16_t*>(tensor.data_ptr());
}

// Elements [begin, begin + count) of a tensor, whatever its shape.
torch::Tensor Elements(const torch::Tensor& tensor, int64_t begin, int64_t count) {
  return tensor.view(-1).narrow(0, begin, count);
}

void AddElements(const torch::Tensor& source, int64_t begin, int64_t count,
                 torch::Tensor& elements) {
  if (!source.defined()) return;
  if (source.is_cpu() && IsBf16(source)) {
    AddBf16(Halves(source) + begin, elements.data_ptr<float>(), count);
  } else {
    elements.add_(Elements(source, begin, count));
  }
}

double ElementSquares(const torch::Tensor& elements) {
  if (elements.is_cpu()) return SquareSum(elements.data_ptr<float>(), elements.numel());
  return elements.square().sum(torch::kFloat64).item<double>();
}

void UpdateAnywhere(const AdamWUpdate& update, torch::Tensor weights, torch::Tensor gradients,
                    torch::Tensor first, torch::Tensor second) {
  gradients.mul_(update.scale);
  first.mul_(update.beta1).add_(gradients, 1.0 - update.beta1);
  second.mul_(update.beta2).addcmul_(gradients, gradients, 1.0 - update.beta2);
  const torch::Tensor divisor = (second * update.correction2).sqrt_().add_(update.epsilon);
  weights.mul_(update.decay).addcdiv_(first, divisor, -update.learning_rate * update.correction1);
}

}  // namespace

AdamW::AdamW(TrainableLlama& model, WorkerPool& pool, AdamWOptions options)
    : model_(model), pool_(pool), options_(options) {
  torch::NoGradGuard no_grad;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const torch::Tensor& master = model.parameters()[i].master;
    gradients_.push_back(torch::zeros_like(master));
    first_.push_back(torch::zeros_like(master));
    second_.push_back(torch::zeros_like(master));
    const int64_t step = model.device().is_cpu() ? kPieceElements : master.numel();
    for (int64_t begin = 0; begin < master.numel(); begin += step) {
      pieces_.push_back({i, begin, std::min(step, master.numel() - begin)});
    }
  }
}

double AdamW::SumGradients(std::span<const Gradients> gradients) {
  std::vector<double> squares(pieces_.size());
  pool_.ForEach(pieces_.size(), [&](size_t index, size_t) {
    torch::NoGradGuard no_grad;
    const Piece& piece = pieces_[index];
    torch::Tensor sum = Elements(gradients_[piece.parameter], piece.begin, piece.count);
    sum.zero_();
    for (const Gradients& some : gradients) {
      AddElements(some.master[piece.parameter], piece.begin, piece.count, sum);
      AddElements(some.compute[piece.parameter], piece.begin, piece.count, sum);
    }
    squares[index] = ElementSquares(sum);
  });
  double total = 0;
  for (const double square : squares) total += square;
  return total;
}

void AdamW::Update(const Piece& piece, AdamWUpdate update) {
  torch::NoGradGuard no_grad;
  Parameter& parameter = model_.parameters()[piece.parameter];
  const auto part = [&](const torch::Tensor& tensor) {
    return Elements(tensor.detach(), piece.begin, piece.count);
  };
  torch::Tensor weights = part(parameter.master);
  torch::Tensor gradients = part(gradients_[piece.parameter]);
  torch::Tensor first = part(first_[piece.parameter]);
  torch::Tensor second = part(second_[piece.parameter]);
  if (!parameter.decays) update.decay = 1.0F;
  if (weights.is_cpu()) {
    UpdateWeights(update,
                  {weights.data_ptr<float>(), gradients.data_ptr<float>(), first.data_ptr<float>(),
                   second.data_ptr<float>()},
                  piece.count);
  } else {
    UpdateAnywhere(update, weights, gradients, first, second);
  }
  if (parameter.compute.is_same(parameter.master)) return;
  part(parameter.compute).copy_(weights);
}

double AdamW::Step(double learning_rate, std::span<const Gradients> gradients) {
  const double norm = std::sqrt(SumGradients(gradients));
  ++steps_;
  const auto t = static_cast<double>(steps_);
  AdamWUpdate update{};
  update.learning_rate = static_cast<float>(learning_rate);
  update.decay = static_cast<float>(1.0 - learning_rate * options_.weight_decay);
  update.beta1 = static_cast<float>(options_.beta1);
  update.beta2 = static_cast<float>(options_.beta2);
  update.correction1 = static_cast<float>(1.0 / (1.0 - std::pow(options_.beta1, t)));
  update.correction2 = static_cast<float>(1.0 / (1.0 - std::pow(options_.beta2, t)));
  update.epsilon = static_cast<float>(options_.epsilon);
  update.scale = static_cast<float>(norm > options_.clip ? options_.clip / norm : 1.0);
  pool_.ForEach(pieces_.size(), [&](size_t index, size_t) { Update(pieces_[index], update); });
  return norm;
}

}  // namespace elm
