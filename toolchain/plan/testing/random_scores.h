// Model shapes and scores for the planner's tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "formats/model/model_config.h"
#include "formats/workspace/scores.h"

namespace elm::testing {

// Valid in every field; tests change the shape.
inline ModelConfig SmallConfig() {
  ModelConfig config;
  config.layers = 6;
  config.width = 192;
  config.query_heads = 6;
  config.kv_heads = 2;
  config.head_dim = 32;
  config.neurons = 512;
  config.vocab = 100;
  config.context = 64;
  return config;
}

// The shape of a 7B model without grouped queries.
inline ModelConfig SevenBillion() {
  ModelConfig config = SmallConfig();
  config.layers = 32;
  config.width = 4096;
  config.query_heads = 32;
  config.kv_heads = 32;
  config.head_dim = 128;
  config.neurons = 11008;
  return config;
}

inline std::vector<double> RandomValues(size_t count, std::mt19937_64& random) {
  std::vector<double> values(count);
  for (double& value : values) value = static_cast<double>(random() % 1000);
  return values;
}

inline UnitScores RandomUnitScores(const ModelConfig& config, std::mt19937_64& random) {
  UnitScores scores = UnitScores::ForModel(config);
  scores.sequences = 1;
  const size_t layers = config.layers;
  scores.of(ScoreMetric::kToken) = {RandomValues(layers * config.query_heads, random),
                                    RandomValues(layers * config.kv_heads, random),
                                    RandomValues(layers * config.neurons, random)};
  return scores;
}

inline LayerScores RandomLayerScores(const ModelConfig& config, std::mt19937_64& random) {
  LayerScores scores;
  scores.sequences = 3;
  scores.loss_sum = 6;
  scores.skipped_loss_sum = RandomValues(config.layers, random);
  return scores;
}

}  // namespace elm::testing
