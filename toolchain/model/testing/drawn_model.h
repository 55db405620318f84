// Models of any size with random weights that are drawn as they are loaded: for benchmarks.
#pragma once

#include <string>
#include <vector>

#include "formats/checkpoint/checkpoint.h"
#include "toolchain/model/llama.h"

namespace elm {

// Small numbers: what they are does not matter to the speed, as long as they stay finite.
class DrawnCheckpoint : public Checkpoint {
 public:
  explicit DrawnCheckpoint(const ModelConfig& config) : config_(config) {
    for (const TensorSpec& spec : ListTensors(config)) tensors_.push_back({spec, DType::kF32});
  }

  std::string form() const override { return "random weights"; }
  std::vector<std::string> files() const override { return {}; }
  const ModelConfig& config() const override { return config_; }
  std::string tokenizer_path() const override { return {}; }
  const SpecialTokens& special_tokens() const override { return special_tokens_; }
  const std::vector<CheckpointTensor>& tensors() const override { return tensors_; }

  Status Read(size_t, std::span<std::byte> bytes) const override {
    auto* values = reinterpret_cast<float*>(bytes.data());
    torch::from_blob(values, {static_cast<int64_t>(bytes.size() / sizeof(float))}).normal_(0, 0.02);
    return Status::Ok();
  }

 private:
  ModelConfig config_;
  SpecialTokens special_tokens_;
  std::vector<CheckpointTensor> tensors_;
};

inline Llama DrawnLlama(const ModelConfig& config, torch::Dtype dtype) {
  return Llama::Load(DrawnCheckpoint(config), torch::kCPU, dtype);
}

}  // namespace elm
