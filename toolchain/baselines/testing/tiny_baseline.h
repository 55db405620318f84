// A small model with everything that a method may look at, for the methods' tests.
#pragma once

#include <string>
#include <vector>

#include "toolchain/baselines/baseline.h"
#include "toolchain/model/testing/random_model.h"

namespace elm {

// Six layers like the smallest model that is measured; four KV heads of two query heads each.
inline ModelConfig SixLayers() {
  ModelConfig config = TinyConfig();
  config.layers = 6;
  config.query_heads = 8;
  config.kv_heads = 4;
  return config;
}

class TinyBaseline {
 public:
  explicit TinyBaseline(const ModelConfig& config = SixLayers())
      : model(RandomLlama(config, 1)), calibration(RandomWindows(config, 6, 17, 2)) {}

  BaselineInputs Inputs(std::vector<uint32_t> names) const {
    BaselineInputs inputs{.model = model, .calibration = calibration, .names = std::move(names)};
    return inputs;
  }

  // A block that adds next to nothing to the stream.
  void SilenceAttention(size_t layer) { model.layers[layer].output.mul_(1e-3); }
  void SilenceMlp(size_t layer) { model.layers[layer].down.mul_(1e-3); }

  Llama model;
  TokenWindows calibration;
};

// Which layers a level has neither attention nor MLP of.
inline std::vector<uint32_t> SkippedLayers(const Level& level) {
  std::vector<uint32_t> skipped;
  for (uint32_t layer = 0; layer < level.layers.size(); ++layer) {
    if (level.layers[layer] == LayerSlice{}) skipped.push_back(layer);
  }
  return skipped;
}

// The original index of the KV head, or neuron, that a reordered model stores at `place`: found by
// its weights.
inline int64_t OriginalNeuron(const Llama& original, const Llama& reordered, size_t layer,
                              int64_t place) {
  const torch::Tensor row = reordered.layers[layer].up[place];
  for (int64_t neuron = 0; neuron < original.layers[layer].up.size(0); ++neuron) {
    if (torch::equal(original.layers[layer].up[neuron], row)) return neuron;
  }
  return -1;
}
inline int64_t OriginalGroup(const Llama& original, const Llama& reordered, size_t layer,
                             int64_t place) {
  const int64_t rows = original.config().head_dim;
  const torch::Tensor head = reordered.layers[layer].key.narrow(0, place * rows, rows);
  for (int64_t group = 0; group < original.config().kv_heads; ++group) {
    if (torch::equal(original.layers[layer].key.narrow(0, group * rows, rows), head)) return group;
  }
  return -1;
}

}  // namespace elm
