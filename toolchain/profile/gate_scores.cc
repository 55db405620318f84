#include <vector>

#include "toolchain/profile/batches.h"
#include "toolchain/profile/unit_metrics.h"

namespace elm {
namespace {

// Ones that require gradients, per layer [batch, tokens, units]; float32 whatever the model's type.
std::vector<LayerGates> OpenGates(const Llama& model, const torch::Tensor& ids) {
  const auto ones = [&](int64_t units) {
    const auto options =
        torch::TensorOptions().dtype(torch::kFloat32).device(ids.device()).requires_grad(true);
    return torch::ones({ids.size(0), ids.size(1), units}, options);
  };
  std::vector<LayerGates> gates(model.layers.size());
  for (LayerGates& layer : gates) {
    layer.heads = ones(model.config().query_heads);
    layer.neurons = ones(model.config().neurons);
  }
  return gates;
}

enum class UnitKind { kHeads, kGroups, kNeurons };

std::vector<double>& SumsOf(MetricSums& sums, UnitKind kind) {
  switch (kind) {
    case UnitKind::kHeads:
      return sums.heads;
    case UnitKind::kGroups:
      return sums.groups;
    case UnitKind::kNeurons:
      break;
  }
  return sums.neurons;
}

// gradients float64 [batch, tokens, units] of one layer.
void AddUnits(const torch::Tensor& gradients, size_t layer, UnitKind kind, UnitScores& scores) {
  const size_t offset = layer * static_cast<size_t>(gradients.size(2));
  const torch::Tensor totals = gradients.sum(1);
  const auto add = [&](ScoreMetric metric, const torch::Tensor& values) {
    AddRows(values, offset, SumsOf(scores.of(metric), kind));
  };
  add(ScoreMetric::kSequence, totals.abs());
  add(ScoreMetric::kSquared, totals.square());
  add(ScoreMetric::kToken, gradients.abs().sum(1));
}

}  // namespace

torch::Tensor GroupMatrix(const LlamaLayer& layer, const ModelConfig& config) {
  const std::vector<int64_t> kv_of(layer.kv_of.begin(), layer.kv_of.end());
  return torch::one_hot(torch::tensor(kv_of, torch::kInt64), config.kv_heads)
      .to(torch::TensorOptions().dtype(torch::kFloat64).device(layer.query.device()));
}

void AddRows(const torch::Tensor& values, size_t offset, std::vector<double>& sums) {
  const std::vector<double> flat = Doubles(values);
  const auto units = static_cast<size_t>(values.size(1));
  for (size_t i = 0; i < flat.size(); ++i) sums[offset + i % units] += flat[i];
}

void AddGateScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores) {
  const std::vector<LayerGates> gates = OpenGates(model, ids);
  std::vector<torch::Tensor> leaves;
  for (const LayerGates& layer : gates) {
    leaves.push_back(layer.heads);
    leaves.push_back(layer.neurons);
  }
  const torch::Tensor losses = model.SequenceLoss(ids, {.gates = gates});
  scores.loss_sum += SumLosses(Doubles(losses));
  scores.sequences += static_cast<uint64_t>(ids.size(0));
  const std::vector<torch::Tensor> gradients = torch::autograd::grad({losses.sum()}, leaves);
  for (size_t layer = 0; layer < gates.size(); ++layer) {
    const torch::Tensor heads = gradients[2 * layer].to(torch::kFloat64);
    const torch::Tensor groups =
        torch::matmul(heads, GroupMatrix(model.layers[layer], model.config()));
    AddUnits(heads, layer, UnitKind::kHeads, scores);
    AddUnits(groups, layer, UnitKind::kGroups, scores);
    AddUnits(gradients[2 * layer + 1].to(torch::kFloat64), layer, UnitKind::kNeurons, scores);
  }
}

}  // namespace elm
