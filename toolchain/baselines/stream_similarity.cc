#include "toolchain/baselines/stream_similarity.h"

#include "toolchain/profile/batches.h"

namespace elm {

double SumOfCosines(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::cosine_similarity(a.to(torch::kFloat32), b.to(torch::kFloat32), -1)
      .sum(torch::kFloat64)
      .item<double>();
}

StreamSimilarity MeasureSimilarity(const BaselineInputs& inputs) {
  const torch::NoGradGuard no_grad;
  const Llama& model = inputs.model;
  const size_t layers = model.layers.size();
  Level attention_only = FullLevelOnly(model.config()).full();
  for (LayerSlice& slice : attention_only.layers) slice.neurons = 0;
  StreamSimilarity sums{std::vector<double>(layers), std::vector<double>(layers),
                        std::vector<double>(layers)};
  double tokens = 0;
  ForEachBatch(model, inputs.calibration, 0, inputs.calibration.count(), inputs.batch,
               inputs.progress, [&](const torch::Tensor& ids) {
                 torch::Tensor before = model.Embed(ids);
                 for (size_t layer = 0; layer < layers; ++layer) {
                   const torch::Tensor middle =
                       model.RunLayers(before, layer, layer + 1, {.level = &attention_only});
                   const torch::Tensor behind = model.RunLayers(before, layer, layer + 1);
                   sums.layers[layer] += SumOfCosines(before, behind);
                   sums.attention[layer] += SumOfCosines(before, middle);
                   sums.mlp[layer] += SumOfCosines(middle, behind);
                   before = behind;
                 }
                 tokens += static_cast<double>(ids.numel());
               });
  for (auto* values : {&sums.layers, &sums.attention, &sums.mlp}) {
    for (double& value : *values) value /= tokens;
  }
  return sums;
}

}  // namespace elm
