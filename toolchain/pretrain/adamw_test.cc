#include "toolchain/pretrain/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

namespace elm {
namespace {

ModelConfig Shape() {
  return {.layers = 1,
          .width = 64,
          .query_heads = 2,
          .kv_heads = 1,
          .head_dim = 32,
          .neurons = 64,
          .vocab = 1100,  // more elements than one piece
          .context = 64,
          .tied_head = true};
}

// Float32 gradients like the parameters', of about unit length each.
Gradients RandomGradients(const TrainableLlama& model, uint64_t seed) {
  torch::manual_seed(seed);
  Gradients gradients;
  for (const Parameter& parameter : model.parameters()) {
    const torch::Tensor values = torch::randn(parameter.master.sizes());
    gradients.master.push_back(values / std::sqrt(values.numel()));
    gradients.compute.emplace_back();
  }
  return gradients;
}

// The formulas of the paper, in float64.
class Reference {
 public:
  Reference(const TrainableLlama& model, AdamWOptions options) : options_(options) {
    for (const Parameter& parameter : model.parameters()) {
      weights.push_back(parameter.master.detach().to(torch::kFloat64).clone());
      first_.push_back(torch::zeros_like(weights.back()));
      second_.push_back(torch::zeros_like(weights.back()));
      decays_.push_back(parameter.decays);
    }
  }

  double Step(double rate, const Gradients& gradients) {
    double squares = 0;
    for (const torch::Tensor& g : gradients.master) squares += g.square().sum().item<double>();
    const double norm = std::sqrt(squares);
    const double scale = norm > options_.clip ? options_.clip / norm : 1.0;
    ++steps_;
    for (size_t i = 0; i < weights.size(); ++i) {
      const torch::Tensor g = gradients.master[i].to(torch::kFloat64) * scale;
      first_[i] = options_.beta1 * first_[i] + (1 - options_.beta1) * g;
      second_[i] = options_.beta2 * second_[i] + (1 - options_.beta2) * g * g;
      const torch::Tensor m = first_[i] / (1 - std::pow(options_.beta1, steps_));
      const torch::Tensor v = second_[i] / (1 - std::pow(options_.beta2, steps_));
      if (decays_[i]) weights[i] = weights[i] * (1 - rate * options_.weight_decay);
      weights[i] = weights[i] - rate * m / (v.sqrt() + options_.epsilon);
    }
    return norm;
  }

  std::vector<torch::Tensor> weights;

 private:
  AdamWOptions options_;
  std::vector<torch::Tensor> first_, second_;
  std::vector<bool> decays_;
  int steps_ = 0;
};

TEST(AdamW, FollowsThePaper) {
  torch::NoGradGuard no_grad;
  TrainableLlama model(Shape(), 1, torch::kCPU, torch::kFloat32);
  WorkerPool pool(2);
  AdamW optimizer(model, pool, {});
  Reference reference(model, {});
  for (uint64_t step = 0; step < 5; ++step) {
    const Gradients gradients = RandomGradients(model, step);
    const double norm = reference.Step(1e-2, gradients);
    EXPECT_NEAR(optimizer.Step(1e-2, std::span(&gradients, 1)), norm, 1e-4 * norm);
  }
  EXPECT_EQ(optimizer.steps(), 5);
  for (size_t i = 0; i < reference.weights.size(); ++i) {
    const torch::Tensor actual = model.parameters()[i].master.to(torch::kFloat64);
    EXPECT_LT((actual - reference.weights[i]).abs().max().item<double>(), 1e-5)
        << model.parameters()[i].name;
  }
}

TEST(AdamW, SumsTheGradientsOfAStep) {
  torch::NoGradGuard no_grad;
  TrainableLlama a(Shape(), 1, torch::kCPU, torch::kFloat32);
  TrainableLlama b(Shape(), 1, torch::kCPU, torch::kFloat32);
  WorkerPool pool(1);
  AdamW of_parts(a, pool, {});
  AdamW of_sum(b, pool, {});
  const Gradients parts[] = {RandomGradients(a, 1), RandomGradients(a, 2)};
  Gradients sum = parts[0];
  for (size_t i = 0; i < sum.master.size(); ++i) sum.master[i] = sum.master[i] + parts[1].master[i];
  EXPECT_EQ(of_parts.Step(1e-2, parts), of_sum.Step(1e-2, std::span(&sum, 1)));
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    EXPECT_TRUE(torch::equal(a.parameters()[i].master, b.parameters()[i].master));
  }
}

TEST(AdamW, KeepsTheRoundedCopyUpToDateWhateverTheThreads) {
  torch::NoGradGuard no_grad;
  TrainableLlama a(Shape(), 1, torch::kCPU, torch::kBFloat16);
  TrainableLlama b(Shape(), 1, torch::kCPU, torch::kBFloat16);
  WorkerPool one(1);
  WorkerPool three(3);
  AdamW with_one(a, one, {});
  AdamW with_three(b, three, {});
  const Gradients gradients = RandomGradients(a, 3);
  EXPECT_EQ(with_one.Step(1e-2, std::span(&gradients, 1)),
            with_three.Step(1e-2, std::span(&gradients, 1)));
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    const Parameter& parameter = a.parameters()[i];
    EXPECT_TRUE(torch::equal(parameter.master, b.parameters()[i].master));
    EXPECT_TRUE(
        torch::equal(parameter.compute, parameter.master.to(parameter.compute.scalar_type())));
  }
}

}  // namespace
}  // namespace elm
