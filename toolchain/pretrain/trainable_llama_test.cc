#include "toolchain/pretrain/trainable_llama.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toolchain/model/llama.h"
#include "toolchain/model/testing/random_model.h"

namespace elm {
namespace {

ModelConfig Shape() {
  return {.layers = 2,
          .width = 64,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 32,
          .neurons = 96,
          .vocab = 160,
          .context = 64,
          .tied_head = true};
}

// Two sequences of 20 and 13 predictions.
struct Batch {
  torch::Tensor first = torch::randint(160, {21}, torch::kInt64);
  torch::Tensor second = torch::randint(160, {14}, torch::kInt64);
  torch::Tensor ids = torch::cat({first.slice(0, 0, 20), second.slice(0, 0, 13)});
  torch::Tensor targets = torch::cat({first.slice(0, 1), second.slice(0, 1)});
  torch::Tensor weights = torch::full({33}, 1.0 / 33);
  SequenceLayout layout{{{0, 20}, {20, 13}}, 32, 10000.0, torch::kCPU};
};

TrainableLlama Loaded(const MemoryCheckpoint& checkpoint, torch::Dtype dtype) {
  TrainableLlama model(checkpoint.config(), 1, torch::kCPU, dtype);
  model.LoadWeights(checkpoint);
  return model;
}

TEST(TrainableLlama, ComputesWhatTheModelOfTheToolchainDoes) {
  torch::manual_seed(2);
  const MemoryCheckpoint checkpoint(Shape(), 3);
  const Batch batch;
  const Llama llama = Llama::Load(checkpoint, torch::kCPU, torch::kFloat32);
  const double first = llama.SequenceLoss(batch.first.unsqueeze(0)).item<double>();
  const double second = llama.SequenceLoss(batch.second.unsqueeze(0)).item<double>();
  const double expected = (first * 20 + second * 13) / 33;
  const auto loss = [&](torch::Dtype dtype) {
    return Loaded(checkpoint, dtype)
        .Loss(batch.ids, batch.targets, batch.weights, batch.layout)
        .total.item<double>();
  };
  EXPECT_NEAR(loss(torch::kFloat32), expected, 1e-4);
  EXPECT_NEAR(loss(torch::kBFloat16), expected, 0.02 * expected);
}

// The derivative of the loss along a random direction, by a difference and by the gradients.
TEST(TrainableLlama, GradientsAreTheSlopeOfTheLoss) {
  torch::manual_seed(4);
  const MemoryCheckpoint checkpoint(Shape(), 5);
  const Batch batch;
  TrainableLlama model = Loaded(checkpoint, torch::kFloat32);
  const auto loss = [&] {
    return model.Loss(batch.ids, batch.targets, batch.weights, batch.layout).total;
  };
  loss().backward();
  const Gradients gradients = model.TakeGradients();
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    torch::NoGradGuard no_grad;
    torch::Tensor weights = model.parameters()[i].master.detach();
    const torch::Tensor original = weights.clone();
    const torch::Tensor direction = torch::randn_like(weights) / std::sqrt(weights.numel());
    constexpr double kStep = 1e-2;
    weights.copy_(original + kStep * direction);
    const double above = loss().item<double>();
    weights.copy_(original - kStep * direction);
    const double below = loss().item<double>();
    weights.copy_(original);
    const double slope = (gradients.master[i] * direction).sum().item<double>();
    EXPECT_NEAR((above - below) / (2 * kStep), slope, 1e-3 + 0.02 * std::abs(slope))
        << model.parameters()[i].name;
  }
}

TEST(TrainableLlama, RoundedGradientsPointTheSameWay) {
  torch::manual_seed(6);
  const MemoryCheckpoint checkpoint(Shape(), 7);
  const Batch batch;
  TrainableLlama full = Loaded(checkpoint, torch::kFloat32);
  TrainableLlama half = Loaded(checkpoint, torch::kBFloat16);
  for (TrainableLlama* model : {&full, &half}) {
    model->Loss(batch.ids, batch.targets, batch.weights, batch.layout).total.backward();
  }
  const Gradients expected = full.TakeGradients();
  const Gradients actual = half.TakeGradients();
  for (size_t i = 0; i < full.parameters().size(); ++i) {
    torch::Tensor sum = torch::zeros_like(expected.master[i]);
    if (actual.master[i].defined()) sum += actual.master[i];
    if (actual.compute[i].defined()) sum += actual.compute[i];
    const torch::Tensor error = (sum - expected.master[i]).norm() / expected.master[i].norm();
    EXPECT_LT(error.item<double>(), 0.06) << full.parameters()[i].name;
  }
}

TEST(TrainableLlama, ExportsWhatItLoaded) {
  const MemoryCheckpoint checkpoint(Shape(), 8);
  const std::vector<torch::Tensor> weights = Loaded(checkpoint, torch::kBFloat16).ExportWeights();
  ASSERT_EQ(weights.size(), checkpoint.values.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const torch::Tensor flat = weights[i].flatten();
    EXPECT_TRUE(torch::equal(flat, torch::tensor(checkpoint.values[i])));
  }
}

TEST(TrainableLlama, EqualSeedsGiveEqualWeights) {
  const TrainableLlama a(Shape(), 1, torch::kCPU, torch::kFloat32);
  const TrainableLlama b(Shape(), 1, torch::kCPU, torch::kBFloat16);
  const TrainableLlama c(Shape(), 2, torch::kCPU, torch::kFloat32);
  EXPECT_TRUE(torch::equal(a.ExportWeights()[0], b.ExportWeights()[0]));
  EXPECT_FALSE(torch::equal(a.ExportWeights()[0], c.ExportWeights()[0]));
  EXPECT_EQ(a.weight_count(), 160 * 64 + 64 + 2 * (2 * 64 + 64 * (128 + 64 + 64 + 128 + 3 * 96)));
}

TEST(TrainableLlama, ReplicasShareWeightsAndNotGradients) {
  const Batch batch;
  TrainableLlama model(Shape(), 1, torch::kCPU, torch::kFloat32);
  TrainableLlama replica = model.Replica();
  replica.Loss(batch.ids, batch.targets, batch.weights, batch.layout).total.backward();
  EXPECT_TRUE(replica.parameters()[0].master.grad().defined());
  EXPECT_FALSE(model.parameters()[0].master.grad().defined());
  EXPECT_EQ(model.parameters()[0].master.data_ptr(), replica.parameters()[0].master.data_ptr());
}

}  // namespace
}  // namespace elm
