#include "toolchain/recover/frozen_llama.h"

#include <tuple>
#include <utility>

#include "toolchain/model/attention.h"
#include "toolchain/recover/adapted_product.h"
#include "toolchain/recover/checkpointed_layer.h"

namespace elm {
namespace {

// The residual stream on its way, and what the last block has yet to add to it.
struct Stream {
  torch::Tensor sum;     // [rows, width] float32
  torch::Tensor branch;  // [rows, width] in the model's type, or undefined
};

struct LayerWork {
  const ModelConfig& config;
  const LlamaLayer& weights;
  LayerSlice slice;
  const AdapterMatrices* adapter;  // or nullptr
  double scale;
  const LayerBias* bias;  // or nullptr
  const SequenceLayout& layout;
  torch::Dtype dtype;
  Kernels kernels;
  AdapterDropout dropout;  // of the layer

  torch::Tensor Matrix(AdapterPart part) const {
    return adapter == nullptr ? torch::Tensor() : (*adapter)[static_cast<size_t>(part)];
  }
};

// Whether query head h reads KV head h / (heads / KV heads), as the attention operation has it.
bool EvenGroups(const LayerWork& work) {
  if (work.slice.query_heads % work.slice.kv_heads != 0) return false;
  const uint32_t group = work.slice.query_heads / work.slice.kv_heads;
  for (uint32_t head = 0; head < work.slice.query_heads; ++head) {
    if (work.weights.kv_of[head] != head / group) return false;
  }
  return true;
}

// Packed projections in which every query head has a KV head of its own.
torch::Tensor ExpandKv(const torch::Tensor& packed, const LayerWork& work) {
  const int64_t head_dim = work.config.head_dim;
  const int64_t kv_width = work.slice.kv_heads * head_dim;
  const int64_t query_width = work.slice.query_heads * head_dim;
  const torch::Tensor index =
      HeadIndex(std::span(work.weights.kv_of).first(work.slice.query_heads), packed.device());
  const auto expand = [&](int64_t begin) {
    return packed.narrow(1, begin, kv_width)
        .unflatten(1, {-1, head_dim})
        .index_select(1, index)
        .flatten(1);
  };
  return torch::cat(
      {packed.narrow(1, 0, query_width), expand(query_width), expand(query_width + kv_width)}, 1);
}

torch::Tensor Attention(const torch::Tensor& normed, const LayerWork& work) {
  using enum AdapterPart;
  const int64_t head_dim = work.config.head_dim;
  const int64_t query_width = work.slice.query_heads * head_dim;
  const int64_t kv_width = work.slice.kv_heads * head_dim;
  torch::Tensor packed =
      AdaptedProduct(normed,
                     {{work.weights.query.narrow(0, 0, query_width), work.Matrix(kQueryB)},
                      {work.weights.key.narrow(0, 0, kv_width), work.Matrix(kKeyB)},
                      {work.weights.value.narrow(0, 0, kv_width), work.Matrix(kValueB)}},
                     work.Matrix(kAttentionA), work.scale, work.dropout.Of(0));
  AttentionShape shape{work.slice.query_heads, work.slice.kv_heads, head_dim};
  if (!EvenGroups(work)) {
    packed = ExpandKv(packed, work);
    shape.kv_heads = shape.query_heads;
  }
  const torch::Tensor mixed = PackedAttention(packed, shape, work.layout, work.kernels);
  return AdaptedProduct(mixed,
                        {{work.weights.output.narrow(1, 0, query_width), work.Matrix(kOutputB)}},
                        work.Matrix(kOutputA), work.scale, work.dropout.Of(1));
}

torch::Tensor Mlp(const torch::Tensor& normed, const LayerWork& work) {
  using enum AdapterPart;
  const int64_t neurons = work.slice.neurons;
  const torch::Tensor gate_up =
      AdaptedProduct(normed,
                     {{work.weights.gate.narrow(0, 0, neurons), work.Matrix(kGateB)},
                      {work.weights.up.narrow(0, 0, neurons), work.Matrix(kUpB)}},
                     work.Matrix(kMlpA), work.scale, work.dropout.Of(2));
  return AdaptedProduct(SwiGlu(gate_up, work.kernels),
                        {{work.weights.down.narrow(1, 0, neurons), work.Matrix(kDownB)}},
                        work.Matrix(kDownA), work.scale, work.dropout.Of(3));
}

// `bias` may be undefined.
void AddBias(Stream& stream, const torch::Tensor& bias) {
  if (bias.defined()) stream.sum = stream.sum + bias.to(torch::kFloat32);
}

Stream RunLayer(Stream stream, const LayerWork& work) {
  const auto add_norm = [&](const torch::Tensor& weight) {
    return AddNorm(stream.sum, stream.branch, weight, work.config.rms_epsilon, work.dtype,
                   work.kernels);
  };
  if (work.slice.query_heads > 0) {
    const NormedStream state = add_norm(work.weights.attention_norm);
    stream = {state.stream, Attention(state.normed, work)};
  }
  if (work.bias != nullptr) AddBias(stream, work.bias->attention);
  if (work.slice.neurons > 0) {
    const NormedStream state = add_norm(work.weights.mlp_norm);
    stream = {state.stream, Mlp(state.normed, work)};
  }
  if (work.bias != nullptr) AddBias(stream, work.bias->mlp);
  return stream;
}

}  // namespace

FrozenLlama::FrozenLlama(const Llama& model, torch::Dtype dtype) : config_(model.config()) {
  const torch::NoGradGuard no_grad;
  embedding_ = model.embedding.to(torch::kFloat32);
  final_norm_ = model.final_norm.to(torch::kFloat32);
  head_ = model.head.to(dtype);
  for (LlamaLayer layer : model.layers) {
    for (torch::Tensor* norm : {&layer.attention_norm, &layer.mlp_norm}) {
      *norm = norm->to(torch::kFloat32);
    }
    for (torch::Tensor* matrix : {&layer.query, &layer.key, &layer.value, &layer.output,
                                  &layer.gate, &layer.up, &layer.down}) {
      *matrix = matrix->to(dtype);
    }
    layers_.push_back(std::move(layer));
  }
}

torch::Tensor FrozenLlama::Hidden(const torch::Tensor& ids, const SequenceLayout& layout,
                                  const LevelPass& pass) const {
  const LayerSlice whole{config_.query_heads, config_.kv_heads, config_.neurons};
  Stream stream{torch::embedding(embedding_, ids), torch::Tensor()};
  for (size_t i = 0; i < layers_.size(); ++i) {
    const AdapterMatrices* adapter = pass.adapter == nullptr ? nullptr : &pass.adapter->layers[i];
    LayerWork work{.config = config_,
                   .weights = layers_[i],
                   .slice = pass.level == nullptr ? whole : pass.level->layers[i],
                   .adapter = adapter,
                   .scale = pass.adapter == nullptr ? 0.0 : pass.adapter->scale,
                   .bias = pass.biases.empty() ? nullptr : &pass.biases[i],
                   .layout = layout,
                   .dtype = dtype(),
                   .kernels = pass.kernels,
                   .dropout = pass.dropout.Of(i)};
    if (work.slice == LayerSlice{} && work.bias == nullptr) continue;
    if (!pass.checkpoint_layers || adapter == nullptr || work.slice == LayerSlice{}) {
      stream = RunLayer(std::move(stream), work);
      continue;
    }
    const auto run = [work](const torch::Tensor& sum, const torch::Tensor& branch,
                            const AdapterMatrices& matrices) mutable {
      work.adapter = &matrices;
      const Stream after = RunLayer({sum, branch}, work);
      return std::pair(after.sum, after.branch);
    };
    std::tie(stream.sum, stream.branch) =
        CheckpointedLayer(run, stream.sum, stream.branch, *adapter);
  }
  return AddNorm(stream.sum, stream.branch, final_norm_, config_.rms_epsilon, dtype(), pass.kernels)
      .normed;
}

}  // namespace elm
