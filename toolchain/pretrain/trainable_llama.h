// The Llama of toolchain/model/llama.h as training sees it: float32 weights, a copy of the matrices
// in the type that is computed in, gradients to all of them. Query, key and value are one matrix
// here, and so are gate and up, so that a step makes fewer and larger products.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/checkpoint/checkpoint.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/training/operations.h"

namespace elm {

// One tensor that the optimiser moves.
struct Parameter {
  std::string name;
  torch::Tensor master;   // float32; a leaf with gradients where the forward pass reads it
  torch::Tensor compute;  // what matrix products read: a leaf in the model's type, or undefined
  bool decays = false;    // matrices decay, norms do not

  // The canonical tensors that lie behind each other in the rows of `master`.
  std::vector<TensorSpec> parts;
};

// d loss / d parameters of one backward pass, in the order of parameters(); undefined where there
// is none.
struct Gradients {
  std::vector<torch::Tensor> master;   // float32
  std::vector<torch::Tensor> compute;  // in the model's type; undefined where master says it all
};

class TrainableLlama {
 public:
  // Random weights with a circuit for copying in them (copy_circuit.h): normal, matrices with
  // deviation 0.5 / sqrt(width), those that write to the residual stream with 1 / sqrt(2 layers) of
  // it, the embedding with 2.2 / sqrt(width); norms are ones. Equal seeds give equal weights on
  // every device. `dtype` is float32 or bfloat16. The head is the embedding (config.tied_head).
  TrainableLlama(const ModelConfig& config, uint64_t seed, torch::Device device,
                 torch::Dtype dtype);

  // A model over the same weights with gradients of its own, so that several threads can run
  // forward and backward at once.
  TrainableLlama Replica() const;
  // Moves out what backward passes left since the last call.
  Gradients TakeGradients();

  // Replaces all weights by those of a checkpoint of the same shape. Throws elm::Error.
  void LoadWeights(const Checkpoint& checkpoint);

  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return device_; }
  torch::Dtype dtype() const { return dtype_; }
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  int64_t weight_count() const;

  // The canonical tensors of ListTensors(config()), in that order: float32, on the CPU.
  std::vector<torch::Tensor> ExportWeights() const;

  // Copies the float32 weights into the computing copies, after somebody changed them.
  void RefreshCompute();

  // Losses of the rows of a batch: ids and targets int64 [rows], weights float32 [rows]. `layout`
  // must outlive the backward pass.
  WeightedLosses Loss(const torch::Tensor& ids, const torch::Tensor& targets,
                      const torch::Tensor& weights, const SequenceLayout& layout,
                      Kernels kernels = Kernels::kAuto) const;

 private:
  struct Layer {
    size_t attention_norm, packed, output, mlp_norm, gate_up, down;  // indices of parameters_
  };

  size_t AddParameter(std::string name, const std::vector<TensorRole>& roles, uint32_t layer,
                      double deviation, torch::Generator& generator);
  const torch::Tensor& Matrix(size_t index) const { return parameters_[index].compute; }
  const torch::Tensor& Vector(size_t index) const { return parameters_[index].master; }

  ModelConfig config_;
  torch::Device device_;
  torch::Dtype dtype_;
  std::vector<Parameter> parameters_;
  std::vector<Layer> layers_;
  size_t embedding_ = 0;
  size_t final_norm_ = 0;
};

}  // namespace elm
