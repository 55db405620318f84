// The model that training sees against the one that everything else sees.
#include "toolchain/recover/frozen_llama.h"

#include <gtest/gtest.h>

#include "toolchain/model/testing/random_model.h"
#include "toolchain/recover/adapter_parameters.h"
#include "toolchain/recover/distillation_loss.h"

namespace elm {
namespace {

// A level that keeps an uneven number of single heads, one layer without attention.
Level UnevenLevel(const Llama& model) {
  Level level{500, {{3, 0, 8}, {0, 0, 12}, {6, 2, 20}}};
  level.layers[0].kv_heads = KvHeadsNeeded(model.layers[0].kv_of, 3);
  return level;
}

class FrozenLlamaTest : public ::testing::Test {
 protected:
  FrozenLlamaTest()
      : model_(RandomLlama(TinyConfig(), 1).Reordered(RandomOrder(TinyConfig(), false, 2))),
        level_(UnevenLevel(model_)),
        parameters_(model_.config(), level_, 2, 4.0),
        flat_(torch::randn({parameters_.count()}, at::detail::createCPUGenerator(3)) * 0.2) {}

  torch::Tensor Ids() const { return AllWindows(RandomWindows(model_.config(), 3, 9, 4)); }
  SequenceLayout Layout() const {
    return {{{0, 9}, {9, 9}, {18, 9}},
            model_.config().head_dim,
            model_.config().rope_theta,
            torch::kCPU};
  }

  Llama model_;
  Level level_;
  AdapterParameters parameters_;
  torch::Tensor flat_;
};

TEST_F(FrozenLlamaTest, HiddenStatesAreThoseOfTheModel) {
  const FrozenLlama frozen(model_, torch::kFloat32);
  const SequenceLayout layout = Layout();
  const LoraAdapter adapter = parameters_.View(flat_);
  const torch::Tensor ids = Ids();
  const auto compare = [&](const LevelPass& pass, const ForwardOptions& options) {
    const torch::Tensor expected = model_.Hidden(ids, options).flatten(0, 1);
    EXPECT_LT(MaxDifference(frozen.Hidden(ids.flatten(), layout, pass), expected), 1e-4);
  };
  compare({}, {});
  compare({.level = &level_}, {.level = &level_});
  compare({.level = &level_, .adapter = &adapter}, {.level = &level_, .adapter = &adapter});
}

TEST_F(FrozenLlamaTest, BiasesAreThoseOfTheModel) {
  const FrozenLlama frozen(model_, torch::kFloat32);
  const SequenceLayout layout = Layout();
  std::vector<LayerBias> biases(model_.config().layers);
  biases[0].mlp = torch::randn({model_.config().width});
  biases[1].attention = torch::randn({model_.config().width});  // of a block that is skipped
  const LoraAdapter adapter = parameters_.View(flat_);
  const torch::Tensor expected =
      model_.Hidden(Ids(), {.level = &level_, .adapter = &adapter, .biases = biases}).flatten(0, 1);
  for (const bool checkpoint : {false, true}) {
    const torch::Tensor hidden = frozen.Hidden(
        Ids().flatten(), layout,
        {.level = &level_, .adapter = &adapter, .biases = biases, .checkpoint_layers = checkpoint});
    EXPECT_LT(MaxDifference(hidden, expected), 1e-4);
  }
}

TEST_F(FrozenLlamaTest, AFreshAdapterChangesNothing) {
  const FrozenLlama frozen(model_, torch::kFloat32);
  const SequenceLayout layout = Layout();
  const LoraAdapter fresh = parameters_.View(parameters_.Initial(9, torch::kCPU));
  EXPECT_EQ(
      MaxDifference(frozen.Hidden(Ids().flatten(), layout, {.level = &level_, .adapter = &fresh}),
                    frozen.Hidden(Ids().flatten(), layout, {.level = &level_})),
      0.0);
}

// Gradients of the loss by all matrices of the adapter.
torch::Tensor GradientOf(const FrozenLlama& frozen, const Level& level,
                         const AdapterParameters& parameters, const torch::Tensor& flat,
                         const torch::Tensor& ids, const SequenceLayout& layout, bool checkpoint) {
  torch::Tensor gradient = torch::zeros_like(flat);
  const LoraAdapter leaves = parameters.Leaves(flat, gradient);
  const torch::Tensor hidden = frozen.Hidden(
      ids, layout, {.level = &level, .adapter = &leaves, .checkpoint_layers = checkpoint});
  DistillationLoss(hidden, torch::Tensor(), frozen.head(), ids, torch::ones({ids.size(0)}), 0.0)
      .total.backward();
  return gradient;
}

TEST_F(FrozenLlamaTest, ForgottenActivationsGiveTheSameGradients) {
  const FrozenLlama frozen(model_, torch::kFloat32);
  const SequenceLayout layout = Layout();
  const torch::Tensor ids = Ids().flatten();
  const torch::Tensor kept =
      GradientOf(frozen, level_, parameters_, flat_, ids, layout, /*checkpoint=*/false);
  const torch::Tensor again =
      GradientOf(frozen, level_, parameters_, flat_, ids, layout, /*checkpoint=*/true);
  EXPECT_GT(kept.norm().item<double>(), 0.1);
  EXPECT_LT(MaxDifference(kept, again), 1e-6 * kept.abs().max().item<double>());
}

TEST_F(FrozenLlamaTest, GradientsAreDifferencesOfTheLoss) {
  const FrozenLlama frozen(model_, torch::kFloat32);
  const SequenceLayout layout = Layout();
  const torch::Tensor ids = Ids().flatten();
  const torch::Tensor gradient =
      GradientOf(frozen, level_, parameters_, flat_, ids, layout, /*checkpoint=*/false);
  const auto loss = [&](const torch::Tensor& flat) {
    const torch::NoGradGuard no_grad;
    const LoraAdapter adapter = parameters_.View(flat);
    return DistillationLoss(frozen.Hidden(ids, layout, {.level = &level_, .adapter = &adapter}),
                            torch::Tensor(), frozen.head(), ids, torch::ones({ids.size(0)}), 0.0)
        .total.item<double>();
  };
  // Along the gradient itself, of each third of the matrices: a long way in loss for a short step.
  const int64_t third = flat_.numel() / 3;
  for (const int64_t begin : {int64_t{0}, third, 2 * third}) {
    torch::Tensor direction = torch::zeros_like(flat_);
    direction.narrow(0, begin, third).copy_(gradient.narrow(0, begin, third));
    direction /= direction.norm();
    constexpr double kStep = 2e-3;
    const double slope =
        (loss(flat_ + direction * kStep) - loss(flat_ - direction * kStep)) / (2 * kStep);
    EXPECT_NEAR((gradient * direction).sum().item<double>(), slope, 0.02 * std::abs(slope));
  }
}

}  // namespace
}  // namespace elm
