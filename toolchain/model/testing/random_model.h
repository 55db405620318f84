// Small models with random weights, for tests that need a shape and no language.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "formats/base/dtype.h"
#include "formats/checkpoint/checkpoint.h"
#include "formats/model/unit_order.h"
#include "toolchain/model/llama.h"

namespace elm {

// A checkpoint that lies in memory. Tests may change weights and element types before loading it.
class MemoryCheckpoint : public Checkpoint {
 public:
  // Weights of variance 1 / columns, norms near 1, all from `seed`.
  MemoryCheckpoint(const ModelConfig& config, uint64_t seed) : config_(config) {
    std::mt19937_64 random(seed);
    for (const TensorSpec& spec : ListTensors(config)) {
      const float scale = 1.0F / std::sqrt(static_cast<float>(spec.columns));
      std::normal_distribution<float> normal(spec.is_vector() ? 1.0F : 0.0F,
                                             spec.is_vector() ? 0.1F : 1.5F * scale);
      std::vector<float>& weights = values.emplace_back(spec.rows * spec.columns);
      std::generate(weights.begin(), weights.end(), [&] { return normal(random); });
      tensors_.push_back({.spec = spec, .dtype = DType::kF32});
    }
  }

  std::string form() const override { return "random weights"; }
  std::vector<std::string> files() const override { return {}; }
  const ModelConfig& config() const override { return config_; }
  std::string tokenizer_path() const override { return {}; }
  const SpecialTokens& special_tokens() const override { return special_tokens_; }
  const std::vector<CheckpointTensor>& tensors() const override { return tensors_; }

  Status Read(size_t tensor_index, std::span<std::byte> bytes) const override {
    EncodeFromFloat(tensors_[tensor_index].dtype, values[tensor_index], bytes.data());
    return Status::Ok();
  }

  void StoreAs(DType dtype) {
    for (CheckpointTensor& tensor : tensors_) tensor.dtype = dtype;
  }

  std::vector<std::vector<float>> values;  // by tensor index

 private:
  ModelConfig config_;
  SpecialTokens special_tokens_;
  std::vector<CheckpointTensor> tensors_;
};

// Three layers, six query heads that share two KV heads, head_dim * query_heads not the width.
inline ModelConfig TinyConfig() {
  ModelConfig config;
  config.layers = 3;
  config.width = 24;
  config.query_heads = 6;
  config.kv_heads = 2;
  config.head_dim = 6;
  config.neurons = 20;
  config.vocab = 37;
  config.context = 64;
  return config;
}

inline Llama RandomLlama(const ModelConfig& config, uint64_t seed,
                         torch::Dtype dtype = torch::kFloat32) {
  return Llama::Load(MemoryCheckpoint(config, seed), torch::kCPU, dtype);
}

// Ids [batch, tokens] from `seed`, as windows.
inline TokenWindows RandomWindows(const ModelConfig& config, size_t count, uint32_t length,
                                  uint64_t seed) {
  std::mt19937_64 random(seed);
  TokenWindows windows;
  windows.length = length;
  windows.ids.resize(count * length);
  for (uint32_t& id : windows.ids) id = static_cast<uint32_t>(random() % config.vocab);
  return windows;
}

inline torch::Tensor AllWindows(const TokenWindows& windows) {
  return WindowBatch(windows, 0, windows.count(), torch::kCPU);
}

// A shuffled order. Query heads move one by one, or with their whole KV group.
inline UnitOrder RandomOrder(const ModelConfig& config, bool whole_groups, uint64_t seed) {
  std::mt19937_64 random(seed);
  UnitOrder order = IdentityOrder(config);
  for (LayerOrder& layer : order.layers) {
    std::shuffle(layer.neurons.begin(), layer.neurons.end(), random);
    std::shuffle(layer.query_heads.begin(), layer.query_heads.end(), random);
    if (whole_groups) {
      std::vector<uint32_t> groups = layer.kv_heads;
      std::shuffle(groups.begin(), groups.end(), random);
      layer.query_heads.clear();
      for (uint32_t group : groups) {
        for (uint32_t i = 0; i < config.queries_per_kv(); ++i) {
          layer.query_heads.push_back(group * config.queries_per_kv() + i);
        }
      }
    }
    layer.kv_heads = KvHeadsByFirstUse(layer.query_heads, config);
  }
  return order;
}

// The largest absolute difference of two tensors of one shape.
inline double MaxDifference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}

}  // namespace elm
