#include "toolchain/profile/profile.h"

#include <vector>

#include "toolchain/profile/batches.h"
#include "toolchain/profile/unit_metrics.h"

namespace elm {
namespace {

void StartAttention(const ModelConfig& config, MetricSums& sums) {
  sums.heads.assign(size_t{config.layers} * config.query_heads, 0.0);
  sums.groups.assign(size_t{config.layers} * config.kv_heads, 0.0);
}

void StartAll(const ModelConfig& config, MetricSums& sums) {
  StartAttention(config, sums);
  sums.neurons.assign(size_t{config.layers} * config.neurons, 0.0);
}

}  // namespace

UnitScores ProfileUnits(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                        const ProfileOptions& options, const ProfileProgress& progress) {
  const ModelConfig& config = model.config();
  UnitScores scores = UnitScores::ForModel(config);
  StartAll(config, scores.of(ScoreMetric::kSequence));
  StartAll(config, scores.of(ScoreMetric::kSquared));
  StartAll(config, scores.of(ScoreMetric::kToken));
  if (options.weight_gradient) StartAll(config, scores.of(ScoreMetric::kWeightGradient));
  if (options.exact_heads) StartAttention(config, scores.of(ScoreMetric::kExact));
  ForEachBatch(model, windows, begin, end, options.batch, progress, [&](const torch::Tensor& ids) {
    AddGateScores(model, ids, scores);
    if (options.weight_gradient) AddWeightGradientScores(model, ids, scores);
    if (options.exact_heads) AddExactScores(model, ids, scores);
  });
  return scores;
}

LayerScores ProfileLayers(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                          const ProfileOptions& options, const ProfileProgress& progress) {
  torch::NoGradGuard no_grad;
  const size_t layers = model.layers.size();
  LayerScores scores;
  scores.skipped_loss_sum.assign(layers, 0.0);
  ForEachBatch(model, windows, begin, end, options.batch, progress, [&](const torch::Tensor& ids) {
    torch::Tensor stream = model.Embed(ids);
    for (size_t layer = 0; layer < layers; ++layer) {
      const torch::Tensor skipped = model.RunLayers(stream, layer + 1, layers);
      scores.skipped_loss_sum[layer] += SumLosses(Doubles(model.StreamLoss(skipped, ids)));
      stream = model.RunLayers(stream, layer, layer + 1);
    }
    scores.loss_sum += SumLosses(Doubles(model.StreamLoss(stream, ids)));
    scores.sequences += static_cast<uint64_t>(ids.size(0));
  });
  return scores;
}

}  // namespace elm
