// Contextual sparsity: which units count for a token.
#pragma once

#include <cstdint>
#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/baselines/baseline.h"

namespace elm {

// How many whole KV groups and neurons of a layer count for each token.
struct ActiveUnits {
  int64_t groups = 0;
  int64_t neurons = 0;
};
// The same part of every layer, as many as the level of that name would keep.
std::vector<ActiveUnits> UniformActiveUnits(const ModelConfig& config, uint32_t name);

// 1 at the `count` highest scores of each row, else 0: scores [..., units] -> [..., units] float32.
torch::Tensor TopGates(const torch::Tensor& scores, int64_t count);

// Gates of whole KV groups [..., kv_heads] as those of their query heads [..., query_heads], the
// model's units in their original order.
torch::Tensor SpreadOverHeads(const torch::Tensor& group_gates, const ModelConfig& config);

// The lengths of what each KV group adds to the residual stream, [..., kv_heads]: outputs [...,
// query_heads, head_dim] of its heads.
torch::Tensor GroupContributions(const LlamaLayer& layer, const ModelConfig& config,
                                 const torch::Tensor& outputs);
// The same of each neuron, [..., neurons].
torch::Tensor NeuronContributions(const LlamaLayer& layer, const torch::Tensor& outputs);

// Chooses by what every unit would have given: the bound that predictors aim at.
class OracleGating : public UnitGating {
 public:
  OracleGating(Llama model, std::vector<ActiveUnits> active)
      : model_(std::move(model)), active_(std::move(active)) {}
  torch::Tensor Heads(size_t layer, const torch::Tensor& input,
                      const torch::Tensor& outputs) const override;
  torch::Tensor Neurons(size_t layer, const torch::Tensor& input,
                        const torch::Tensor& outputs) const override;

 private:
  const Llama model_;
  const std::vector<ActiveUnits> active_;  // [layers]
};

}  // namespace elm
