#include "toolchain/model/llama.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

using ::testing::HasSubstr;

class LlamaTest : public ::testing::Test {
 protected:
  LlamaTest() { SetTorchThreads(1); }

  const ModelConfig config_ = TinyConfig();
  const torch::Tensor ids_ = AllWindows(RandomWindows(config_, 3, 17, 1));
};

// Gates of one value for all units of all layers, [units].
std::vector<LayerGates> UniformGates(const ModelConfig& config, float value) {
  std::vector<LayerGates> gates(config.layers);
  for (LayerGates& layer : gates) {
    layer.heads = torch::full({int64_t{config.query_heads}}, value);
    layer.neurons = torch::full({int64_t{config.neurons}}, value);
  }
  return gates;
}

TEST_F(LlamaTest, LogitsHaveTheDocumentedShapeAndVary) {
  const Llama model = RandomLlama(config_, 2);
  const torch::Tensor logits = model.Logits(ids_);
  EXPECT_EQ(logits.sizes(), torch::IntArrayRef({3, 17, 37}));
  EXPECT_GT(logits.std().item<double>(), 0.3);
}

TEST_F(LlamaTest, LaterTokensDoNotChangeEarlierLogits) {
  const Llama model = RandomLlama(config_, 2);
  torch::Tensor changed = ids_.clone();
  changed.slice(1, 9).fill_(5);
  const torch::Tensor before = model.Logits(ids_);
  const torch::Tensor after = model.Logits(changed);
  EXPECT_LT(MaxDifference(before.slice(1, 0, 9), after.slice(1, 0, 9)), 1e-5);
  EXPECT_GT(MaxDifference(before.slice(1, 9), after.slice(1, 9)), 1e-2);
}

TEST_F(LlamaTest, SequenceLossEqualsCrossEntropyOfTheLogits) {
  const Llama model = RandomLlama(config_, 2);
  const torch::Tensor logits = model.Logits(ids_).slice(1, 0, 16);
  const torch::Tensor expected =
      -torch::log_softmax(logits, -1).gather(2, ids_.slice(1, 1).unsqueeze(2)).squeeze(2).mean(1);
  EXPECT_LT(MaxDifference(model.SequenceLoss(ids_), expected), 1e-5);
}

TEST_F(LlamaTest, ReorderedModelGivesTheSameLogits) {
  const Llama model = RandomLlama(config_, 3);
  const torch::Tensor expected = model.Logits(ids_);
  for (const bool whole_groups : {true, false}) {
    for (const uint64_t seed : {1, 2, 3, 4}) {
      const UnitOrder order = RandomOrder(config_, whole_groups, seed);
      EXPECT_LE(MaxDifference(model.Reordered(order).Logits(ids_), expected), 1e-4)
          << "whole groups: " << whole_groups << ", seed " << seed;
    }
  }
}

TEST_F(LlamaTest, ReorderingIsNoSilentNoOp) {
  const Llama model = RandomLlama(config_, 3);
  const Llama reordered = model.Reordered(RandomOrder(config_, false, 1));
  EXPECT_GT(MaxDifference(model.layers[0].query, reordered.layers[0].query), 0.1);
  EXPECT_GT(MaxDifference(model.layers[1].down, reordered.layers[1].down), 0.1);
  EXPECT_THROW((void)reordered.Reordered(IdentityOrder(config_)), c10::Error);
}

// Prefixes of a shuffled model, an empty block and an empty layer among them.
Level UnevenLevel(const Llama& model) {
  const ModelConfig& config = model.config();
  const uint32_t heads[] = {4, 0, 1};
  const uint32_t neurons[] = {13, 7, 0};
  Level level;
  level.name_permille = 500;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const std::vector<uint16_t>& kv_of = model.layers[layer].kv_of;
    level.layers.push_back({heads[layer], KvHeadsNeeded(kv_of, heads[layer]), neurons[layer]});
  }
  return level;
}

TEST_F(LlamaTest, SlicingToALevelEqualsMaskingTheSameUnits) {
  const Llama model = RandomLlama(config_, 4).Reordered(RandomOrder(config_, false, 5));
  const Level level = UnevenLevel(model);
  std::vector<LayerGates> gates = UniformGates(config_, 1.0F);
  for (size_t layer = 0; layer < gates.size(); ++layer) {
    gates[layer].heads.slice(0, level.layers[layer].query_heads).fill_(0);
    gates[layer].neurons.slice(0, level.layers[layer].neurons).fill_(0);
  }
  const torch::Tensor sliced = model.Logits(ids_, {.level = &level});
  EXPECT_LT(MaxDifference(sliced, model.Logits(ids_, {.gates = gates})), 1e-5);
  EXPECT_GT(MaxDifference(sliced, model.Logits(ids_)), 0.1);
  // Gates at a level: only those of kept units count.
  EXPECT_LT(MaxDifference(sliced, model.Logits(ids_, {.level = &level, .gates = gates})), 1e-5);
}

TEST_F(LlamaTest, ALevelThatKeepsEverythingIsTheModel) {
  const Llama model = RandomLlama(config_, 4);
  const LevelTable table = FullLevelOnly(config_);
  EXPECT_EQ(MaxDifference(model.Logits(ids_, {.level = &table.full()}), model.Logits(ids_)), 0);
}

TEST_F(LlamaTest, ASkippedLayerEqualsOneWhoseUnitsAreAllGatedAway) {
  const Llama model = RandomLlama(config_, 6);
  std::vector<LayerGates> gates(config_.layers);
  gates[1] = UniformGates(config_, 0.0F)[1];
  const torch::Tensor skipped = model.Logits(ids_, {.skip_layers = {false, true, false}});
  EXPECT_LT(MaxDifference(skipped, model.Logits(ids_, {.gates = gates})), 1e-5);
  EXPECT_GT(MaxDifference(skipped, model.Logits(ids_)), 0.1);
}

// The fixed gates of some layers as gates that a pass asks for; checks what it is shown.
class FixedGating : public UnitGating {
 public:
  FixedGating(const ModelConfig& config, std::vector<LayerGates> gates)
      : config_(config), gates_(std::move(gates)) {}
  torch::Tensor Heads(size_t layer, const torch::Tensor& input,
                      const torch::Tensor& outputs) const override {
    EXPECT_EQ(input.size(-1), config_.width);
    EXPECT_EQ(outputs.size(-2), config_.query_heads);
    return gates_[layer].heads;
  }
  torch::Tensor Neurons(size_t layer, const torch::Tensor& input,
                        const torch::Tensor& outputs) const override {
    EXPECT_EQ(input.size(-1), config_.width);
    EXPECT_EQ(outputs.size(-1), config_.neurons);
    return gates_[layer].neurons;
  }

 private:
  ModelConfig config_;
  std::vector<LayerGates> gates_;
};

TEST_F(LlamaTest, GatesThatAPassAsksForAreGates) {
  const Llama model = RandomLlama(config_, 6);
  std::vector<LayerGates> gates = UniformGates(config_, 1.0F);
  gates[0].heads.slice(0, 2, 4).fill_(0);
  gates[2].neurons.slice(0, 5).fill_(0);
  const FixedGating gating(config_, gates);
  const torch::Tensor gated = model.Logits(ids_, {.gating = &gating});
  EXPECT_EQ(MaxDifference(gated, model.Logits(ids_, {.gates = gates})), 0);
  EXPECT_GT(MaxDifference(gated, model.Logits(ids_)), 0.1);
}

TEST_F(LlamaTest, ABiasStandsBehindABlockThatIsSkippedToo) {
  const Llama model = RandomLlama(config_, 6);
  const Level level = UnevenLevel(model);  // layer 1 has no heads, layer 2 no neurons
  std::vector<LayerBias> biases(config_.layers);
  biases[1].attention = torch::randn({config_.width});
  biases[2].mlp = torch::randn({config_.width});
  const torch::Tensor stream = model.Embed(ids_);
  const torch::Tensor before = model.RunLayers(stream, 0, 1, {.level = &level});
  const Level mlp_only{500, {{}, {0, 0, level.layers[1].neurons}, {}}};
  const torch::Tensor behind_attention =
      model.RunLayers(before + biases[1].attention, 1, 2, {.level = &mlp_only});
  const torch::Tensor expected =
      model.RunLayers(behind_attention, 2, 3, {.level = &level}) + biases[2].mlp;
  const torch::Tensor biased =
      model.RunLayers(stream, 0, config_.layers, {.level = &level, .biases = biases});
  EXPECT_LT(MaxDifference(biased, expected), 1e-5);
}

TEST_F(LlamaTest, SkippingEveryLayerLeavesTheEmbedding) {
  const Llama model = RandomLlama(config_, 6);
  const torch::Tensor stream =
      model.RunLayers(model.Embed(ids_), 0, config_.layers, {.skip_layers = {true, true, true}});
  EXPECT_EQ(MaxDifference(stream, model.Embed(ids_)), 0);
}

// Derivative of the summed loss by one gate, from the five-point formula.
double LossDerivative(const Llama& model, const torch::Tensor& ids, std::vector<LayerGates>& gates,
                      torch::Tensor gate) {
  constexpr double kStep = 1e-2;
  const auto loss_at = [&](double value) {
    gate.fill_(value);
    return model.SequenceLoss(ids, {.gates = gates}).to(torch::kFloat64).sum().item<double>();
  };
  const double near = loss_at(1 + kStep) - loss_at(1 - kStep);
  const double far = loss_at(1 + 2 * kStep) - loss_at(1 - 2 * kStep);
  const double derivative = (8 * near - far) / (12 * kStep);
  gate.fill_(1);
  return derivative;
}

TEST_F(LlamaTest, GateGradientsEqualFiniteDifferences) {
  const Llama model = RandomLlama(config_, 7);
  std::vector<LayerGates> gates = UniformGates(config_, 1.0F);
  std::vector<torch::Tensor> leaves;
  for (LayerGates& layer : gates) {
    leaves.push_back(layer.heads.requires_grad_(true));
    leaves.push_back(layer.neurons.requires_grad_(true));
  }
  const torch::Tensor loss = model.SequenceLoss(ids_, {.gates = gates}).sum();
  const std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, leaves);
  torch::NoGradGuard no_grad;
  double largest = 0;
  for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    for (int64_t unit = 0; unit < leaves[leaf].size(0); unit += 3) {
      const double expected = LossDerivative(model, ids_, gates, leaves[leaf][unit]);
      EXPECT_NEAR(gradients[leaf][unit].item<double>(), expected, 1e-3 + 0.01 * std::abs(expected))
          << "leaf " << leaf << ", unit " << unit;
      largest = std::max(largest, std::abs(expected));
    }
  }
  EXPECT_GT(largest, 0.1);  // otherwise the tolerance would hide everything
}

TEST_F(LlamaTest, GatesPerTokenBroadcastLikeGatesPerUnit) {
  const Llama model = RandomLlama(config_, 7);
  std::vector<LayerGates> per_unit = UniformGates(config_, 1.0F);
  per_unit[0].heads = torch::rand({int64_t{config_.query_heads}});
  per_unit[2].neurons = torch::rand({int64_t{config_.neurons}});
  std::vector<LayerGates> per_token = per_unit;
  for (LayerGates& layer : per_token) {
    layer.heads = layer.heads.expand({3, 17, -1});
    layer.neurons = layer.neurons.expand({3, 17, -1});
  }
  EXPECT_LT(MaxDifference(model.Logits(ids_, {.gates = per_unit}),
                          model.Logits(ids_, {.gates = per_token})),
            1e-6);
}

TEST_F(LlamaTest, BFloat16RunsCloseToFloat32) {
  const Llama exact = RandomLlama(config_, 8);
  const Llama rounded = RandomLlama(config_, 8, torch::kBFloat16);
  EXPECT_EQ(rounded.dtype(), torch::kBFloat16);
  const torch::Tensor logits = rounded.Logits(ids_);
  EXPECT_EQ(logits.scalar_type(), torch::kFloat32);
  const torch::Tensor expected = exact.Logits(ids_);
  const double error = (logits - expected).square().mean().sqrt().item<double>();
  EXPECT_LT(error, 0.03 * expected.std().item<double>());
  EXPECT_LT(MaxDifference(rounded.SequenceLoss(ids_), exact.SequenceLoss(ids_)), 0.05);
}

TEST_F(LlamaTest, ACacheContinuesWhereTheWholeSequenceWouldBe) {
  torch::NoGradGuard no_grad;
  const Llama model = RandomLlama(config_, 9).Reordered(RandomOrder(config_, false, 2));
  const Level level = UnevenLevel(model);
  const torch::Tensor expected = model.Logits(ids_, {.level = &level});
  KvCache cache;
  std::vector<torch::Tensor> pieces;
  const std::pair<int64_t, int64_t> ranges[] = {{0, 6}, {6, 7}, {7, 12}, {12, 17}};
  for (const auto& [begin, end] : ranges) {
    pieces.push_back(model.Logits(ids_.slice(1, begin, end), {.level = &level, .cache = &cache}));
  }
  EXPECT_EQ(cache.tokens, 17);
  EXPECT_LT(MaxDifference(torch::cat(pieces, 1), expected), 1e-5);
}

TEST_F(LlamaTest, EveryStoredTypeLoadsAsItsRoundedValues) {
  for (const DType dtype : {DType::kF16, DType::kBf16}) {
    MemoryCheckpoint checkpoint(config_, 10);
    checkpoint.StoreAs(dtype);
    MemoryCheckpoint rounded(config_, 10);
    for (std::vector<float>& values : rounded.values) {
      std::vector<std::byte> bytes(values.size() * DTypeSize(dtype));
      EncodeFromFloat(dtype, values, bytes.data());
      DecodeToFloat(dtype, bytes.data(), values);
    }
    const Llama model = Llama::Load(checkpoint, torch::kCPU, torch::kFloat32);
    const Llama expected = Llama::Load(rounded, torch::kCPU, torch::kFloat32);
    EXPECT_EQ(MaxDifference(model.Logits(ids_), expected.Logits(ids_)), 0) << DTypeName(dtype);
  }
}

std::string LoadError(const MemoryCheckpoint& checkpoint, torch::Dtype dtype) {
  try {
    (void)Llama::Load(checkpoint, torch::kCPU, dtype);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(LlamaTest, WeightsThatAreNotFiniteAreRefusedByName) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
    MemoryCheckpoint checkpoint(config_, 11);
    checkpoint.StoreAs(dtype);
    checkpoint.values[2][25] = std::numeric_limits<float>::quiet_NaN();  // layer 0, query
    EXPECT_THAT(LoadError(checkpoint, torch::kFloat32),
                HasSubstr("model.layers.0.self_attn.q_proj.weight: element [1, 1] is nan"));
    checkpoint.values[2][25] = 0;
    checkpoint.values[1][3] = -std::numeric_limits<float>::infinity();
    EXPECT_THAT(LoadError(checkpoint, torch::kBFloat16),
                HasSubstr("model.layers.0.input_layernorm.weight: element [3] is -inf"));
  }
}

TEST_F(LlamaTest, WeightsThatLeaveTheRangeOfTheModelsTypeAreRefused) {
  MemoryCheckpoint checkpoint(config_, 11);
  checkpoint.values[2][25] = 1e6F;
  EXPECT_THAT(LoadError(checkpoint, torch::kFloat16), HasSubstr("use float32 or bfloat16"));
  EXPECT_EQ(LoadError(checkpoint, torch::kBFloat16), "no error");
}

TEST_F(LlamaTest, SequencesBeyondTheContextAreRefused) {
  const Llama model = RandomLlama(config_, 12);
  const torch::Tensor longest = torch::zeros({1, 64}, torch::kInt64);
  const torch::Tensor too_long = torch::zeros({1, 65}, torch::kInt64);
  EXPECT_NO_THROW((void)model.Logits(longest));
  EXPECT_THROW((void)model.Logits(too_long), Error);
}

TEST_F(LlamaTest, WindowBatchTakesTheRowsAskedFor) {
  const TokenWindows windows{.length = 3, .ids = {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  const torch::Tensor batch = WindowBatch(windows, 1, 3, torch::kCPU);
  EXPECT_TRUE(batch.equal(torch::tensor({{4, 5, 6}, {7, 8, 9}}, torch::kInt64)));
  EXPECT_THROW((void)WindowBatch(windows, 2, 4, torch::kCPU), c10::Error);
}

}  // namespace
}  // namespace elm
