#include "toolchain/tlm/tlm_optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using torch::Tensor;

constexpr double kFirstDecay = 0.9;
constexpr double kSecondDecay = 0.98;
constexpr double kEpsilon = 1e-8;

constexpr uint64_t kReportEvery = 50;  // updates
constexpr uint64_t kKeepEvery = 500;   // half a minute of a small shape

double RateAt(const TlmTraining& training, uint64_t update) {
  const auto updates = static_cast<double>(training.updates);
  const auto done = static_cast<double>(update);
  const double warm_up = std::max(1.0, updates / 20);
  if (done < warm_up) return training.learning_rate * (done + 1) / warm_up;
  const double way = (done - warm_up) / std::max(1.0, updates - warm_up);
  return training.learning_rate * (0.1 + 0.45 * (1 + std::cos(std::numbers::pi * way)));
}

}  // namespace

TlmOptimizer::TlmOptimizer(TorchTlm& model, const std::function<bool(const TlmTensorSpec&)>& learns,
                           const TlmTraining& training, const std::vector<Tensor>& more)
    : training_(training), weights_(model.tensors()) {
  weights_.insert(weights_.end(), more.begin(), more.end());
  for (size_t i = 0; i < model.specs().size(); ++i) {
    const TlmTensorSpec& spec = model.specs()[i];
    model.tensors()[i].set_requires_grad(learns(spec));
    if (!learns(spec)) continue;
    learnt_.push_back(model.tensors()[i]);
    decays_.push_back(!spec.is_vector());
  }
  for (const Tensor& tensor : more) {
    learnt_.push_back(tensor);
    learnt_.back().set_requires_grad(true);
    decays_.push_back(false);
  }
  for (const Tensor& tensor : learnt_) {
    first_.push_back(torch::zeros_like(tensor.detach()));
    second_.push_back(torch::zeros_like(tensor.detach()));
  }
}

TlmOptimizer::~TlmOptimizer() {
  for (Tensor& tensor : learnt_) {
    tensor.set_requires_grad(false);
    tensor.mutable_grad() = Tensor();
  }
}

void TlmOptimizer::Move(double rate) {
  const torch::NoGradGuard no_grad;
  Tensor squares = torch::zeros({});
  for (const Tensor& tensor : learnt_) {
    if (tensor.grad().defined()) squares = squares + tensor.grad().square().sum();
  }
  const double length = std::sqrt(squares.item<double>());
  const double scale = length > training_.clip ? training_.clip / length : 1;
  const auto step = static_cast<double>(update_ + 1);
  const double first_share = 1 - std::pow(kFirstDecay, step);  // what the moments have seen so far
  const double second_share = 1 - std::pow(kSecondDecay, step);
  for (size_t i = 0; i < learnt_.size(); ++i) {
    Tensor& tensor = learnt_[i];
    if (!tensor.grad().defined()) continue;
    const Tensor gradient = tensor.grad() * scale;
    if (decays_[i]) tensor.mul_(1 - rate * training_.weight_decay);
    first_[i].mul_(kFirstDecay).add_(gradient, 1 - kFirstDecay);
    second_[i].mul_(kSecondDecay).addcmul_(gradient, gradient, 1 - kSecondDecay);
    tensor.addcdiv_(first_[i], (second_[i] / second_share).sqrt_().add_(kEpsilon),
                    -rate / first_share);
  }
}

void TlmOptimizer::Step(const Tensor& loss, const char* what) {
  for (Tensor& tensor : learnt_) tensor.mutable_grad() = Tensor();
  loss.backward();
  const auto value = loss.item<double>();
  if (!std::isfinite(value)) {
    throw Error(FailedCheck("update ", update_ + 1, " of the ", what,
                            ": the loss is no longer finite; choose a lower learning rate"));
  }
  Move(RateAt(training_, update_));
  loss_sum_ += value;
  ++losses_;
  ++update_;
}

std::vector<std::pair<std::string, Tensor>> TlmOptimizer::State() {
  std::vector<std::pair<std::string, Tensor>> state;
  for (size_t i = 0; i < weights_.size(); ++i) {
    state.emplace_back(StrCat("weights.", i), weights_[i].detach());
  }
  for (size_t i = 0; i < learnt_.size(); ++i) {
    state.emplace_back(StrCat("first_moments.", i), first_[i]);
    state.emplace_back(StrCat("second_moments.", i), second_[i]);
  }
  return state;
}

void TlmOptimizer::Tell(const TrainingHooks& hooks) {
  const bool last = update_ == training_.updates;
  if (hooks.keep && (last || update_ % kKeepEvery == 0)) hooks.keep(*this);
  if (hooks.progress && (last || update_ % kReportEvery == 0)) {
    hooks.progress(update_, training_.updates, TakeMeanLoss());
  }
}

double TlmOptimizer::TakeMeanLoss() {
  const double mean = losses_ == 0 ? 0 : loss_sum_ / static_cast<double>(losses_);
  loss_sum_ = 0;
  losses_ = 0;
  return mean;
}

}  // namespace elm
