#include "toolchain/baselines/sparse_gates.h"

#include "toolchain/baselines/unit_levels.h"

namespace elm {

std::vector<ActiveUnits> UniformActiveUnits(const ModelConfig& config, uint32_t name) {
  const Level level = UniformLevel(config, AllLayers(config), name, /*least_neurons=*/1);
  std::vector<ActiveUnits> active;
  for (const LayerSlice& slice : level.layers) active.push_back({slice.kv_heads, slice.neurons});
  return active;
}

torch::Tensor TopGates(const torch::Tensor& scores, int64_t count) {
  const auto options = scores.options().dtype(torch::kFloat32);
  if (count >= scores.size(-1)) return torch::ones(scores.sizes(), options);
  torch::Tensor gates = torch::zeros(scores.sizes(), options);
  if (count == 0) return gates;
  return gates.scatter_(-1, std::get<1>(scores.topk(count, -1)), 1.0);
}

torch::Tensor SpreadOverHeads(const torch::Tensor& group_gates, const ModelConfig& config) {
  return group_gates.repeat_interleave(config.queries_per_kv(), -1);
}

torch::Tensor GroupContributions(const LlamaLayer& layer, const ModelConfig& config,
                                 const torch::Tensor& outputs) {
  const int64_t columns = int64_t{config.queries_per_kv()} * config.head_dim;
  const torch::Tensor flat = outputs.flatten(-2);  // [..., query_heads * head_dim]
  std::vector<torch::Tensor> lengths;
  for (int64_t group = 0; group < config.kv_heads; ++group) {
    lengths.push_back(torch::linear(flat.narrow(-1, group * columns, columns),
                                    layer.output.narrow(1, group * columns, columns))
                          .norm(2, -1));
  }
  return torch::stack(lengths, -1);
}

torch::Tensor NeuronContributions(const LlamaLayer& layer, const torch::Tensor& outputs) {
  return outputs.abs() * layer.down.norm(2, 0);
}

torch::Tensor OracleGating::Heads(size_t layer, const torch::Tensor&,
                                  const torch::Tensor& outputs) const {
  const torch::Tensor scores = GroupContributions(model_.layers[layer], model_.config(), outputs);
  return SpreadOverHeads(TopGates(scores, active_[layer].groups), model_.config());
}

torch::Tensor OracleGating::Neurons(size_t layer, const torch::Tensor&,
                                    const torch::Tensor& outputs) const {
  return TopGates(NeuronContributions(model_.layers[layer], outputs), active_[layer].neurons);
}

}  // namespace elm
