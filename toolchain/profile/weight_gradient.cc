#include <vector>

#include "toolchain/profile/batches.h"
#include "toolchain/profile/unit_metrics.h"

namespace elm {
namespace {

// The matrices that units own, in a fixed order.
std::vector<torch::Tensor*> UnitMatrices(LlamaLayer& layer) {
  return {&layer.query, &layer.key, &layer.value, &layer.output,
          &layer.gate,  &layer.up,  &layer.down};
}
constexpr size_t kMatrices = 7;

// The same weights (not copied), but the unit matrices take gradients.
Llama WithWeightGradients(const Llama& model) {
  Llama copy = model;
  for (LlamaLayer& layer : copy.layers) {
    for (torch::Tensor* matrix : UnitMatrices(layer)) {
      *matrix = matrix->detach().requires_grad_(true);
    }
  }
  return copy;
}

// |W * dL/dW| summed over each unit's `unit_size` rows, or columns: float64 [units].
torch::Tensor RowSums(const torch::Tensor& products, int64_t unit_size) {
  return products.sum(1, /*keepdim=*/false, torch::kFloat64).view({-1, unit_size}).sum(1);
}
torch::Tensor ColumnSums(const torch::Tensor& products, int64_t unit_size) {
  return products.sum(0, /*keepdim=*/false, torch::kFloat64).view({-1, unit_size}).sum(1);
}

std::vector<torch::Tensor> AllMatrices(Llama& trainable) {
  std::vector<torch::Tensor> weights;
  for (LlamaLayer& layer : trainable.layers) {
    for (torch::Tensor* matrix : UnitMatrices(layer)) weights.push_back(*matrix);
  }
  return weights;
}

// gradients: of one layer's UnitMatrices.
void AddLayer(const Llama& model, size_t layer, const std::vector<torch::Tensor>& weights,
              const std::vector<torch::Tensor>& gradients, MetricSums& sums) {
  const ModelConfig& config = model.config();
  std::vector<torch::Tensor> products;  // |W * dL/dW| of q, k, v, o, gate, up, down
  for (size_t i = 0; i < kMatrices; ++i) {
    products.push_back(
        (weights[i].detach().to(torch::kFloat32) * gradients[i].to(torch::kFloat32)).abs());
  }
  const int64_t head_dim = config.head_dim;
  const torch::Tensor heads = RowSums(products[0], head_dim) + ColumnSums(products[3], head_dim);
  const torch::Tensor groups = torch::matmul(heads, GroupMatrix(model.layers[layer], config)) +
                               RowSums(products[1], head_dim) + RowSums(products[2], head_dim);
  const torch::Tensor neurons =
      RowSums(products[4], 1) + RowSums(products[5], 1) + ColumnSums(products[6], 1);
  AddRows(heads.unsqueeze(0), layer * config.query_heads, sums.heads);
  AddRows(groups.unsqueeze(0), layer * config.kv_heads, sums.groups);
  AddRows(neurons.unsqueeze(0), layer * config.neurons, sums.neurons);
}

// weights and gradients: AllMatrices().
void AddLayers(const Llama& model, const std::vector<torch::Tensor>& weights,
               const std::vector<torch::Tensor>& gradients, MetricSums& sums) {
  for (size_t layer = 0; layer < model.layers.size(); ++layer) {
    const auto first = static_cast<ptrdiff_t>(layer * kMatrices);
    const auto last = first + static_cast<ptrdiff_t>(kMatrices);
    AddLayer(model, layer, {weights.begin() + first, weights.begin() + last},
             {gradients.begin() + first, gradients.begin() + last}, sums);
  }
}

}  // namespace

void AddWeightGradientScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores) {
  Llama trainable = WithWeightGradients(model);
  const std::vector<torch::Tensor> weights = AllMatrices(trainable);
  for (int64_t sequence = 0; sequence < ids.size(0); ++sequence) {
    const torch::Tensor loss = trainable.SequenceLoss(ids.narrow(0, sequence, 1)).sum();
    AddLayers(model, weights, torch::autograd::grad({loss}, weights),
              scores.of(ScoreMetric::kWeightGradient));
  }
}

MetricSums ProfileWeightGradient(const Llama& model, const TokenWindows& windows,
                                 const ProfileOptions& options, const ProfileProgress& progress) {
  Llama trainable = WithWeightGradients(model);
  const std::vector<torch::Tensor> weights = AllMatrices(trainable);
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& weight : weights) {
    gradients.push_back(torch::zeros_like(weight, weight.options().dtype(torch::kFloat32)));
  }
  ForEachBatch(
      model, windows, 0, windows.count(), options.batch, progress, [&](const torch::Tensor& ids) {
        const torch::Tensor losses = trainable.SequenceLoss(ids);
        (void)SumLosses(Doubles(losses));
        const std::vector<torch::Tensor> found =
            torch::autograd::grad({losses.sum() / static_cast<double>(windows.count())}, weights);
        for (size_t i = 0; i < found.size(); ++i) gradients[i].add_(found[i]);
      });
  const ModelConfig& config = model.config();
  MetricSums sums;
  sums.heads.assign(size_t{config.layers} * config.query_heads, 0.0);
  sums.groups.assign(size_t{config.layers} * config.kv_heads, 0.0);
  sums.neurons.assign(size_t{config.layers} * config.neurons, 0.0);
  AddLayers(model, weights, gradients, sums);
  return sums;
}

}  // namespace elm
