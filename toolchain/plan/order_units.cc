#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "toolchain/plan/plan.h"

namespace elm {
namespace {

// How a metric that the scores lack is got.
const char* RemedyFor(ScoreMetric metric) {
  switch (metric) {
    case ScoreMetric::kWeightGradient:
      return "profile again with weight gradients switched on, or plan by another metric";
    case ScoreMetric::kExact:
      return "exact removal measures heads only, and only when profiled with it; plan by another "
             "metric";
    default:
      return "profile again, or plan by another metric";
  }
}

Status CheckExtent(const char* field, uint32_t scored, uint32_t model) {
  if (scored == model) return Status::Ok();
  return InvalidArgument("unit scores: ", field, " is ", scored, ", the model has ", model,
                         "; the scores belong to another model");
}

Status CheckShape(const ModelConfig& config, const UnitScores& scores) {
  ELM_RETURN_IF_ERROR(CheckExtent("layers", scores.layers, config.layers));
  ELM_RETURN_IF_ERROR(CheckExtent("query_heads", scores.query_heads, config.query_heads));
  ELM_RETURN_IF_ERROR(CheckExtent("kv_heads", scores.kv_heads, config.kv_heads));
  return CheckExtent("neurons", scores.neurons, config.neurons);
}

// One kind of unit of one metric: [layers, units].
Status CheckScores(const std::vector<double>& values, const char* kind, uint64_t expected,
                   ScoreMetric metric) {
  const std::string what = StrCat("unit scores: ", ScoreMetricName(metric), ".", kind);
  if (values.empty()) return InvalidArgument(what, ": was not measured; ", RemedyFor(metric));
  if (values.size() != expected) {
    return InvalidArgument(what, ": has ", values.size(), " values, expected ", expected);
  }
  const auto bad = std::find_if(values.begin(), values.end(),
                                [](double value) { return !std::isfinite(value); });
  if (bad == values.end()) return Status::Ok();
  return InvalidArgument(what, "[", bad - values.begin(), "] is ", *bad,
                         ", expected a finite number; profile again");
}

// Indices of `scores`, largest magnitude first (exact removal keeps signed sums, all others are
// never negative); ties keep their order.
std::vector<uint32_t> Descending(std::span<const double> scores) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::abs(scores[a]) > std::abs(scores[b]);
  });
  return order;
}

std::span<const double> RowOf(const std::vector<double>& values, uint32_t row, uint32_t columns) {
  return std::span(values).subspan(size_t{row} * columns, columns);
}

// The query heads of each group in turn, in their original order.
std::vector<uint32_t> HeadsOfGroups(const std::vector<uint32_t>& groups, uint32_t heads_per_group) {
  std::vector<uint32_t> heads;
  for (uint32_t group : groups) {
    for (uint32_t i = 0; i < heads_per_group; ++i) heads.push_back(group * heads_per_group + i);
  }
  return heads;
}

// The groups of `heads`, each where its first head stands.
std::vector<uint32_t> GroupsByFirstUse(const std::vector<uint32_t>& heads,
                                       uint32_t heads_per_group) {
  std::vector<uint32_t> groups;
  for (uint32_t head : heads) {
    const uint32_t group = head / heads_per_group;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

LayerOrder OrderLayer(const ModelConfig& config, const MetricSums& scores, UnitPolicy policy,
                      uint32_t layer) {
  LayerOrder order;
  if (policy == UnitPolicy::kKvGroup) {
    order.kv_heads = Descending(RowOf(scores.groups, layer, config.kv_heads));
    order.query_heads = HeadsOfGroups(order.kv_heads, config.queries_per_kv());
  } else {
    order.query_heads = Descending(RowOf(scores.heads, layer, config.query_heads));
    order.kv_heads = GroupsByFirstUse(order.query_heads, config.queries_per_kv());
  }
  order.neurons = Descending(RowOf(scores.neurons, layer, config.neurons));
  return order;
}

}  // namespace

Result<UnitOrder> OrderUnits(const ModelConfig& config, const UnitScores& scores,
                             const PlanOptions& options) {
  ELM_RETURN_IF_ERROR(Validate(config));
  ELM_RETURN_IF_ERROR(CheckShape(config, scores));
  const MetricSums& sums = scores.of(options.metric);
  const uint64_t layers = config.layers;
  if (options.policy == UnitPolicy::kKvGroup) {
    ELM_RETURN_IF_ERROR(
        CheckScores(sums.groups, "groups", layers * config.kv_heads, options.metric));
  } else {
    ELM_RETURN_IF_ERROR(
        CheckScores(sums.heads, "heads", layers * config.query_heads, options.metric));
  }
  ELM_RETURN_IF_ERROR(
      CheckScores(sums.neurons, "neurons", layers * config.neurons, options.metric));
  UnitOrder order;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    order.layers.push_back(OrderLayer(config, sums, options.policy, layer));
  }
  return order;
}

}  // namespace elm
