// What profiling measures, as sums that can be merged: the scores of two disjoint sets of
// calibration sequences add up to the scores of their union.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/model_config.h"

namespace elm {

// How much a unit matters, judged by ... L is a sequence's mean next-token loss in nats, and g_t =
// dL/dgate_t the derivative by a gate on the unit's output at position t; a KV group's g_t is the
// sum of its query heads'. Every metric is a mean over sequences, so MetricSums hold sums over
// sequences.
enum class ScoreMetric : uint8_t {
  kSequence,        // |sum over t of g_t|
  kSquared,         // (sum over t of g_t)^2
  kToken,           // sum over t of |g_t|: the mean over tokens of |d(summed loss)/dgate_t|
  kWeightGradient,  // sum over the unit's weights of |W * dL/dW| (the published artifact)
  // L(unit removed) - L, heads only. The sums are signed, so that they stay sums; the score is the
  // absolute value of the whole sum: |mean loss increase|, not a mean of absolute values.
  kExact,
};
inline constexpr int kScoreMetrics = 5;
// "sequence", "squared", "token", "weight-gradient", "exact".
const char* ScoreMetricName(ScoreMetric metric);
std::optional<ScoreMetric> ParseScoreMetric(std::string_view name);

// Sums of one metric over sequences; empty vectors where the metric was not measured.
struct MetricSums {
  std::vector<double> heads;    // [layers, query_heads]
  std::vector<double> groups;   // [layers, kv_heads]: a KV head with all its query heads
  std::vector<double> neurons;  // [layers, neurons]

  bool operator==(const MetricSums&) const = default;
};

struct UnitScores {
  uint32_t layers = 0;
  uint32_t query_heads = 0;
  uint32_t kv_heads = 0;
  uint32_t neurons = 0;
  uint64_t sequences = 0;
  double loss_sum = 0;  // whole model, sum over sequences of the mean next-token loss in nats
  MetricSums metrics[kScoreMetrics];  // by ScoreMetric

  const MetricSums& of(ScoreMetric metric) const { return metrics[static_cast<int>(metric)]; }
  MetricSums& of(ScoreMetric metric) { return metrics[static_cast<int>(metric)]; }

  // Adds another file's sums. Refuses other shapes, and a metric that only one side has. A side
  // without sequences counts as nothing.
  Status Merge(const UnitScores& other);
  static UnitScores ForModel(const ModelConfig& config);
};

struct LayerScores {
  uint64_t sequences = 0;
  double loss_sum = 0;                   // whole model
  std::vector<double> skipped_loss_sum;  // [layers]: loss with that layer skipped

  // Loss increase in nats per token when the layer is skipped.
  double Importance(uint32_t layer) const;
  Status Merge(const LayerScores& other);
};

// Stage outputs in HDF5, written atomically. Load refuses a file of another kind or with other
// shapes than it declares, naming file and dataset.
Status SaveUnitScores(const std::string& path, const UnitScores& scores);
Result<UnitScores> LoadUnitScores(const std::string& path);
Status SaveLayerScores(const std::string& path, const LayerScores& scores);
Result<LayerScores> LoadLayerScores(const std::string& path);

}  // namespace elm
