// Models of any size with random weights that are drawn as they are loaded: for benchmarks.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "formats/checkpoint/checkpoint.h"
#include "toolchain/model/llama.h"

namespace elm {

// Small numbers: what they are does not matter to the speed, as long as they stay finite. So that
// billions of them come in seconds, a million is drawn once and repeated; all matrices begin alike.
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
    const size_t drawn = drawn_.numel() * sizeof(float);
    for (size_t begin = 0; begin < bytes.size(); begin += drawn) {
      std::memcpy(&bytes[begin], drawn_.data_ptr<float>(), std::min(drawn, bytes.size() - begin));
    }
    return Status::Ok();
  }

 private:
  ModelConfig config_;
  SpecialTokens special_tokens_;
  std::vector<CheckpointTensor> tensors_;
  // A prime: rows of a matrix differ.
  torch::Tensor drawn_ = 0.02 * torch::randn({1048583});
};

inline Llama DrawnLlama(const ModelConfig& config, torch::Dtype dtype,
                        torch::Device device = torch::kCPU) {
  return Llama::Load(DrawnCheckpoint(config), device, dtype);
}

}  // namespace elm
