#include "toolchain/pretrain/copy_circuit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "toolchain/pretrain/copy_examples.h"
#include "toolchain/pretrain/trainable_llama.h"
#include "toolchain/training/batch_tensors.h"

namespace elm {
namespace {

ModelConfig Shape(uint32_t layers) {
  return {.layers = layers,
          .width = 128,
          .query_heads = 4,
          .kv_heads = 2,
          .head_dim = 32,
          .neurons = 96,
          .vocab = 512,
          .context = 512,
          .tied_head = true};
}

// How much less a repeated piece surprises an untrained model than a new one, in nats.
double CopyGain(const ModelConfig& config) {
  torch::NoGradGuard no_grad;
  const TrainableLlama model(config, 1, torch::kCPU, torch::kFloat32);
  const CopyExamples copies({.first_piece = 3, .size = config.vocab, .bos = 1}, 1);
  MicroBatch batch;
  for (uint64_t index = 0; index < 10; ++index) batch.Add(copies.Make(index));
  const BatchTensors tensors = ToTensors(batch, config, 0, 1, torch::kCPU);
  const torch::Tensor losses =
      model.Loss(tensors.ids, tensors.targets, tensors.weights, tensors.layout).rows;
  const torch::Tensor repeated = tensors.weights > 0;
  return (losses.masked_select(~repeated).mean() - losses.masked_select(repeated).mean())
      .item<double>();
}

TEST(CopyCircuit, AnUntrainedModelLeansTowardsCopying) {
  EXPECT_GT(CopyGain(Shape(2)), 1.0);
  EXPECT_GT(CopyGain(Shape(4)), 1.0);
}

TEST(CopyCircuit, ASingleLayerStaysRandom) { EXPECT_LT(std::abs(CopyGain(Shape(1))), 0.3); }

}  // namespace
}  // namespace elm
