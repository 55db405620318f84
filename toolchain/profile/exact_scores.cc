#include <vector>

#include "toolchain/profile/batches.h"
#include "toolchain/profile/unit_metrics.h"

namespace elm {
namespace {

// A batch's residual stream before one layer, and its losses when nothing is removed.
struct Position {
  const Llama& model;
  const torch::Tensor& ids;
  torch::Tensor stream;  // [batch, tokens, width]
  torch::Tensor base;    // [batch] float32
  size_t layer = 0;
};

// Sum over the batch of L(heads removed) - L; `gate` [query_heads] is 0 for the heads to remove.
double LossIncrease(const Position& position, const torch::Tensor& gate) {
  const Llama& model = position.model;
  std::vector<LayerGates> gates(model.layers.size());
  gates[position.layer].heads = gate;
  const torch::Tensor stream =
      model.RunLayers(position.stream, position.layer, model.layers.size(), {.gates = gates});
  const torch::Tensor losses = model.StreamLoss(stream, position.ids);
  return SumLosses(Doubles(losses.to(torch::kFloat64) - position.base.to(torch::kFloat64)));
}

// The gate that removes the query heads for which `removed` holds.
template <typename Predicate>
torch::Tensor GateWithout(const Llama& model, const Predicate& removed) {
  std::vector<float> gate(model.config().query_heads, 1.0F);
  for (size_t head = 0; head < gate.size(); ++head) {
    if (removed(head)) gate[head] = 0.0F;
  }
  return torch::tensor(gate).to(model.device());
}

void AddLayer(const Position& position, MetricSums& sums) {
  const ModelConfig& config = position.model.config();
  const std::vector<uint16_t>& kv_of = position.model.layers[position.layer].kv_of;
  double* heads = &sums.heads[position.layer * config.query_heads];
  double* groups = &sums.groups[position.layer * config.kv_heads];
  const bool groups_are_heads = config.queries_per_kv() == 1;
  for (size_t head = 0; head < config.query_heads; ++head) {
    const double increase = LossIncrease(
        position, GateWithout(position.model, [&](size_t other) { return other == head; }));
    heads[head] += increase;
    if (groups_are_heads) groups[kv_of[head]] += increase;
  }
  if (groups_are_heads) return;
  for (size_t group = 0; group < config.kv_heads; ++group) {
    groups[group] += LossIncrease(
        position, GateWithout(position.model, [&](size_t head) { return kv_of[head] == group; }));
  }
}

}  // namespace

void AddExactScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores) {
  torch::NoGradGuard no_grad;
  const size_t layers = model.layers.size();
  Position position{.model = model, .ids = ids, .stream = model.Embed(ids), .base = {}};
  position.base = model.StreamLoss(model.RunLayers(position.stream, 0, layers), ids);
  for (; position.layer < layers; ++position.layer) {
    AddLayer(position, scores.of(ScoreMetric::kExact));
    position.stream = model.RunLayers(position.stream, position.layer, position.layer + 1);
  }
}

}  // namespace elm
