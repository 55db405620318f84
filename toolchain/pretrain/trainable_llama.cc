#include "toolchain/pretrain/trainable_llama.h"

#include <cmath>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/pretrain/copy_circuit.h"

namespace elm {
namespace {

// Deviations of random weights, in 1 / sqrt(width).
constexpr double kMatrixGain = 0.5;
constexpr double kEmbeddingGain = 2.2;

TensorSpec SpecOf(const ModelConfig& config, TensorRole role, uint32_t layer) {
  for (TensorSpec& spec : ListTensors(config)) {
    if (spec.role == role && spec.layer == layer) return std::move(spec);
  }
  throw Error(Internal("the model has no tensor ", TensorName(role, layer)));
}

std::vector<int64_t> ShapeOf(const TensorSpec& spec) {
  const auto columns = static_cast<int64_t>(spec.columns);
  if (spec.is_vector()) return {columns};
  return {static_cast<int64_t>(spec.rows), columns};
}

torch::Tensor InitialWeights(const TensorSpec& spec, double deviation,
                             torch::Generator& generator) {
  if (spec.is_vector()) return torch::ones(ShapeOf(spec));
  return torch::randn(ShapeOf(spec), generator, torch::kFloat32) * deviation;
}

// Rows of `parameter.master` that hold part `index`, a view.
torch::Tensor PartOf(const Parameter& parameter, size_t index) {
  int64_t begin = 0;
  for (size_t i = 0; i < index; ++i) begin += static_cast<int64_t>(parameter.parts[i].rows);
  if (parameter.parts[index].is_vector()) return parameter.master;
  return parameter.master.narrow(0, begin, static_cast<int64_t>(parameter.parts[index].rows));
}

}  // namespace

TrainableLlama::TrainableLlama(const ModelConfig& config, uint64_t seed, torch::Device device,
                               torch::Dtype dtype)
    : config_(config), device_(device), dtype_(dtype) {
  torch::NoGradGuard no_grad;
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  const double reading = kMatrixGain / std::sqrt(config.width);
  const double writing = reading / std::sqrt(2.0 * config.layers);
  const double embedding = kEmbeddingGain / std::sqrt(config.width);
  embedding_ = AddParameter("embedding", {TensorRole::kEmbedding}, 0, embedding, generator);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const auto add = [&](const char* name, const std::vector<TensorRole>& roles, double deviation) {
      return AddParameter(StrCat("layers.", layer, ".", name), roles, layer, deviation, generator);
    };
    Layer added{};
    added.attention_norm = add("attention_norm", {TensorRole::kAttentionNorm}, 0);
    added.packed =
        add("query_key_value", {TensorRole::kQuery, TensorRole::kKey, TensorRole::kValue}, reading);
    added.output = add("output", {TensorRole::kOutput}, writing);
    added.mlp_norm = add("mlp_norm", {TensorRole::kMlpNorm}, 0);
    added.gate_up = add("gate_up", {TensorRole::kGate, TensorRole::kUp}, reading);
    added.down = add("down", {TensorRole::kDown}, writing);
    layers_.push_back(added);
  }
  final_norm_ = AddParameter("final_norm", {TensorRole::kFinalNorm}, 0, 0, generator);
  if (layers_.size() < 2) return;
  const auto attention = [this](size_t layer) {
    return AttentionWeights{parameters_[layers_[layer].packed].master.detach(),
                            parameters_[layers_[layer].output].master.detach()};
  };
  WireCopyCircuit(config, embedding, parameters_[embedding_].master.detach(), attention(0),
                  attention(1), generator);
  RefreshCompute();
}

size_t TrainableLlama::AddParameter(std::string name, const std::vector<TensorRole>& roles,
                                    uint32_t layer, double deviation, torch::Generator& generator) {
  Parameter parameter;
  parameter.name = std::move(name);
  std::vector<torch::Tensor> weights;
  for (const TensorRole role : roles) {
    parameter.parts.push_back(SpecOf(config_, role, layer));
    weights.push_back(InitialWeights(parameter.parts.back(), deviation, generator));
  }
  parameter.master = torch::cat(weights).to(device_);
  parameter.decays = !parameter.parts.front().is_vector();
  const bool embedding = roles.front() == TensorRole::kEmbedding;
  if (parameter.decays && dtype_ != torch::kFloat32) {
    parameter.compute = parameter.master.to(dtype_).set_requires_grad(true);
    // Rows of the embedding are looked up in float32, the head multiplies by the copy.
    if (embedding) parameter.master.set_requires_grad(true);
  } else {
    parameter.master.set_requires_grad(true);
    parameter.compute = parameter.master;
  }
  parameters_.push_back(std::move(parameter));
  return parameters_.size() - 1;
}

TrainableLlama TrainableLlama::Replica() const {
  TrainableLlama replica = *this;
  for (Parameter& parameter : replica.parameters_) {
    const bool same = parameter.compute.is_same(parameter.master);
    const bool differentiable = parameter.master.requires_grad();
    parameter.master = parameter.master.detach().set_requires_grad(differentiable);
    parameter.compute =
        same ? parameter.master : parameter.compute.detach().set_requires_grad(true);
  }
  return replica;
}

Gradients TrainableLlama::TakeGradients() {
  const auto take = [](torch::Tensor& leaf) {
    torch::Tensor gradient = leaf.grad();
    leaf.mutable_grad() = torch::Tensor();
    return gradient;
  };
  Gradients gradients;
  for (Parameter& parameter : parameters_) {
    gradients.master.push_back(take(parameter.master));
    const bool same = parameter.compute.is_same(parameter.master);
    gradients.compute.push_back(same ? torch::Tensor() : take(parameter.compute));
  }
  return gradients;
}

void TrainableLlama::LoadWeights(const Checkpoint& checkpoint) {
  torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    for (size_t i = 0; i < parameter.parts.size(); ++i) {
      const TensorSpec& spec = parameter.parts[i];
      torch::Tensor values = torch::empty(ShapeOf(spec), torch::kFloat32);
      const size_t index = ValueOrThrow(checkpoint.Find(spec.name));
      ThrowIfError(checkpoint.ReadFloat(
          index, std::span(values.data_ptr<float>(), static_cast<size_t>(values.numel()))));
      PartOf(parameter, i).copy_(values);
    }
  }
  RefreshCompute();
}

int64_t TrainableLlama::weight_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.master.numel();
  return count;
}

std::vector<torch::Tensor> TrainableLlama::ExportWeights() const {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> weights;
  for (const TensorSpec& spec : ListTensors(config_)) {
    for (const Parameter& parameter : parameters_) {
      for (size_t i = 0; i < parameter.parts.size(); ++i) {
        if (parameter.parts[i].name != spec.name) continue;
        weights.push_back(PartOf(parameter, i).detach().to(torch::kCPU).contiguous());
      }
    }
  }
  return weights;
}

void TrainableLlama::RefreshCompute() {
  torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    if (!parameter.compute.is_same(parameter.master)) parameter.compute.copy_(parameter.master);
  }
}

WeightedLosses TrainableLlama::Loss(const torch::Tensor& ids, const torch::Tensor& targets,
                                    const torch::Tensor& weights, const SequenceLayout& layout,
                                    Kernels kernels) const {
  const AttentionShape shape{config_.query_heads, config_.kv_heads, config_.head_dim};
  const auto add_norm = [&](const torch::Tensor& stream, const torch::Tensor& branch,
                            size_t weight) {
    return AddNorm(stream, branch, Vector(weight), config_.rms_epsilon, dtype_, kernels);
  };
  NormedStream state = add_norm(torch::embedding(Vector(embedding_), ids), torch::Tensor(),
                                layers_.front().attention_norm);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const torch::Tensor mixed =
        PackedAttention(torch::mm(state.normed, Matrix(layer.packed).t()), shape, layout, kernels);
    state = add_norm(state.stream, torch::mm(mixed, Matrix(layer.output).t()), layer.mlp_norm);
    const torch::Tensor inner = SwiGlu(torch::mm(state.normed, Matrix(layer.gate_up).t()), kernels);
    const bool last = i + 1 == layers_.size();
    state = add_norm(state.stream, torch::mm(inner, Matrix(layer.down).t()),
                     last ? final_norm_ : layers_[i + 1].attention_norm);
  }
  return WeightedLoss(state.normed, Matrix(embedding_), targets, weights, kernels);
}

}  // namespace elm
