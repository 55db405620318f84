#include "toolchain/model/llama.h"

#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/model/attention.h"
#include "toolchain/model/token_loss.h"

namespace elm {
namespace {

// In float32 whatever the model's type: squares of bfloat16 lose too much.
torch::Tensor RmsNorm(const torch::Tensor& stream, const torch::Tensor& weight, double epsilon) {
  const torch::Tensor wide = stream.to(torch::kFloat32);
  const torch::Tensor scale = torch::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + epsilon);
  return (wide * scale * weight.to(torch::kFloat32)).to(stream.scalar_type());
}

// The first `count` units of `unit_size` rows, or columns, of a matrix; a view, not a copy.
torch::Tensor KeptRows(const torch::Tensor& weight, int64_t count, int64_t unit_size) {
  return weight.narrow(0, 0, count * unit_size);
}
torch::Tensor KeptColumns(const torch::Tensor& weight, int64_t count, int64_t unit_size) {
  return weight.narrow(1, 0, count * unit_size);
}

// units [..., kept units] times their gates, in the type of `units`.
torch::Tensor ApplyGate(const torch::Tensor& units, const torch::Tensor& gate) {
  return (units * gate).to(units.scalar_type());
}

// Everything about one pass through one layer.
struct LayerPass {
  const ModelConfig& config;
  const LlamaLayer& weights;
  LayerSlice slice;
  const LayerGates* gates = nullptr;
  const Rotary& rotary;
  torch::Tensor visible = {};   // of the token tree, when there is one
  torch::Tensor key_bias = {};  // as in ForwardOptions
  KvCache* cache = nullptr;
  size_t layer = 0;
  const InputObserver* observer = nullptr;
  const LoraAdapter* adapter = nullptr;
  const UnitGating* gating = nullptr;
  const LayerBias* bias = nullptr;

  // output + scale * B low, where there is an adapter; `low` is A x.
  torch::Tensor WithAdapter(torch::Tensor output, AdapterPart b, const torch::Tensor& low) const {
    if (adapter == nullptr) return output;
    return output + torch::linear(low, adapter->part(layer, b)) * adapter->scale;
  }
  // A x of the `count` products that read x; undefined without adapter.
  std::vector<torch::Tensor> Low(AdapterPart a, size_t count, const torch::Tensor& input) const {
    if (adapter == nullptr) return std::vector<torch::Tensor>(count);
    return ProjectLow(input, adapter->part(layer, a), adapter->rank);
  }

  void Observe(TensorRole reader, const torch::Tensor& input) const {
    if (observer != nullptr) (*observer)(layer, reader, input);
  }
};

// [batch, tokens, heads * head_dim] -> [batch, heads, tokens, head_dim].
torch::Tensor SplitHeads(const torch::Tensor& projected, int64_t head_dim) {
  return projected.unflatten(-1, {-1, head_dim}).transpose(1, 2);
}

// Appends `fresh` to what the cache holds for the layer and returns both together.
torch::Tensor Remember(std::vector<torch::Tensor>& cached, size_t layer, torch::Tensor fresh) {
  torch::Tensor& held = cached.at(layer);
  held = held.defined() ? torch::cat({held, fresh}, 2) : std::move(fresh);
  return held;
}

torch::Tensor Attention(const torch::Tensor& input, const LayerPass& pass) {
  const int64_t head_dim = pass.config.head_dim;
  const int64_t heads = pass.slice.query_heads;
  const int64_t kv_heads = pass.slice.kv_heads;
  pass.Observe(TensorRole::kQuery, input);
  const std::vector<torch::Tensor> low = pass.Low(AdapterPart::kAttentionA, 3, input);
  const auto project = [&](const torch::Tensor& weight, int64_t count, AdapterPart b, size_t part) {
    const torch::Tensor product = torch::linear(input, KeptRows(weight, count, head_dim));
    return SplitHeads(pass.WithAdapter(product, b, low[part]), head_dim);
  };
  const torch::Tensor query =
      pass.rotary.Apply(project(pass.weights.query, heads, AdapterPart::kQueryB, 0));
  torch::Tensor key = pass.rotary.Apply(project(pass.weights.key, kv_heads, AdapterPart::kKeyB, 1));
  torch::Tensor value = project(pass.weights.value, kv_heads, AdapterPart::kValueB, 2);
  if (pass.cache != nullptr) {
    key = Remember(pass.cache->keys, pass.layer, key);
    value = Remember(pass.cache->values, pass.layer, value);
  }
  // Every kept query head gets a KV head of its own.
  const torch::Tensor index =
      HeadIndex(std::span(pass.weights.kv_of).first(static_cast<size_t>(heads)), input.device());
  torch::Tensor mixed = CausalAttention(query, key.index_select(1, index),
                                        value.index_select(1, index), pass.visible, pass.key_bias);
  mixed = mixed.transpose(1, 2);  // [batch, tokens, heads, head_dim]
  if (pass.gates != nullptr && pass.gates->heads.defined()) {
    mixed = ApplyGate(mixed, pass.gates->heads.narrow(-1, 0, heads).unsqueeze(-1));
  }
  if (pass.gating != nullptr) {
    mixed = ApplyGate(mixed, pass.gating->Heads(pass.layer, input, mixed).unsqueeze(-1));
  }
  mixed = mixed.flatten(2);
  pass.Observe(TensorRole::kOutput, mixed);
  const std::vector<torch::Tensor> low_output = pass.Low(AdapterPart::kOutputA, 1, mixed);
  return pass.WithAdapter(torch::linear(mixed, KeptColumns(pass.weights.output, heads, head_dim)),
                          AdapterPart::kOutputB, low_output.front());
}

torch::Tensor Mlp(const torch::Tensor& input, const LayerPass& pass) {
  const int64_t neurons = pass.slice.neurons;
  pass.Observe(TensorRole::kGate, input);
  const std::vector<torch::Tensor> low = pass.Low(AdapterPart::kMlpA, 2, input);
  const torch::Tensor gate = pass.WithAdapter(
      torch::linear(input, KeptRows(pass.weights.gate, neurons, 1)), AdapterPart::kGateB, low[0]);
  const torch::Tensor up = pass.WithAdapter(
      torch::linear(input, KeptRows(pass.weights.up, neurons, 1)), AdapterPart::kUpB, low[1]);
  torch::Tensor inner = torch::silu(gate) * up;
  if (pass.gates != nullptr && pass.gates->neurons.defined()) {
    inner = ApplyGate(inner, pass.gates->neurons.narrow(-1, 0, neurons));
  }
  if (pass.gating != nullptr) {
    inner = ApplyGate(inner, pass.gating->Neurons(pass.layer, input, inner));
  }
  pass.Observe(TensorRole::kDown, inner);
  const std::vector<torch::Tensor> low_down = pass.Low(AdapterPart::kDownA, 1, inner);
  return pass.WithAdapter(torch::linear(inner, KeptColumns(pass.weights.down, neurons, 1)),
                          AdapterPart::kDownB, low_down.front());
}

torch::Tensor RunLayer(torch::Tensor stream, const LayerPass& pass) {
  const double epsilon = pass.config.rms_epsilon;
  if (pass.slice.query_heads > 0) {
    stream = stream + Attention(RmsNorm(stream, pass.weights.attention_norm, epsilon), pass);
  }
  if (pass.bias != nullptr && pass.bias->attention.defined()) {
    stream = stream + pass.bias->attention;
  }
  if (pass.slice.neurons > 0) {
    stream = stream + Mlp(RmsNorm(stream, pass.weights.mlp_norm, epsilon), pass);
  }
  if (pass.bias != nullptr && pass.bias->mlp.defined()) stream = stream + pass.bias->mlp;
  return stream;
}

// Positions that `tokens` more tokens reach.
int64_t PositionsUsed(const ForwardOptions& options, int64_t tokens) {
  if (options.tree != nullptr) return options.tree->positions.max().item<int64_t>() + 1;
  return tokens + (options.cache == nullptr ? 0 : options.cache->tokens);
}

void CheckOptions(const ModelConfig& config, const ForwardOptions& options, int64_t tokens) {
  const size_t layers = config.layers;
  TORCH_CHECK(options.level == nullptr || options.level->layers.size() == layers,
              "the level does not cover every layer");
  TORCH_CHECK(options.adapter == nullptr || options.level != nullptr,
              "an adapter belongs to a level");
  TORCH_CHECK(options.skip_layers.empty() || options.skip_layers.size() == layers,
              "skip_layers does not cover every layer");
  TORCH_CHECK(options.gates.empty() || options.gates.size() == layers,
              "gates do not cover every layer");
  TORCH_CHECK(options.biases.empty() || options.biases.size() == layers,
              "biases do not cover every layer");
  TORCH_CHECK(options.tree == nullptr || options.cache == nullptr,
              "a token tree is a whole row, not the continuation of a cache");
  TORCH_CHECK(!options.key_bias.defined() || options.cache == nullptr,
              "biases of keys are for whole rows, not for the continuation of a cache");
  TORCH_CHECK(options.tree == nullptr || options.tree->visible.size(1) == tokens,
              "the token tree has another number of tokens");
  const int64_t positions = PositionsUsed(options, tokens);
  if (positions > int64_t{config.context}) {
    throw Error(InvalidArgument("a sequence of ", positions, " tokens does not fit the model's ",
                                config.context, " positions; use shorter windows"));
  }
}

}  // namespace

torch::Tensor Llama::Embed(const torch::Tensor& ids) const {
  return torch::embedding(embedding, ids);
}

torch::Tensor Llama::RunLayers(torch::Tensor stream, size_t begin, size_t end,
                               const ForwardOptions& options) const {
  CheckOptions(config_, options, stream.size(1));
  KvCache* cache = options.cache;
  if (cache != nullptr) {
    cache->keys.resize(config_.layers);
    cache->values.resize(config_.layers);
  }
  const Rotary rotary = options.tree != nullptr
                            ? Rotary(options.tree->positions, config_.head_dim, config_.rope_theta)
                            : Rotary(cache == nullptr ? 0 : cache->tokens, stream.size(1),
                                     config_.head_dim, config_.rope_theta, stream.device());
  const LayerSlice whole{config_.query_heads, config_.kv_heads, config_.neurons};
  for (size_t layer = begin; layer < end; ++layer) {
    if (!options.skip_layers.empty() && options.skip_layers[layer]) continue;
    stream = RunLayer(std::move(stream),
                      {.config = config_,
                       .weights = layers[layer],
                       .slice = options.level == nullptr ? whole : options.level->layers[layer],
                       .gates = options.gates.empty() ? nullptr : &options.gates[layer],
                       .rotary = rotary,
                       .visible = options.tree == nullptr ? torch::Tensor() : options.tree->visible,
                       .key_bias = options.key_bias,
                       .cache = cache,
                       .layer = layer,
                       .observer = options.observer,
                       .adapter = options.adapter,
                       .gating = options.gating,
                       .bias = options.biases.empty() ? nullptr : &options.biases[layer]});
  }
  return stream;
}

torch::Tensor Llama::FinalNorm(const torch::Tensor& stream) const {
  return RmsNorm(stream, final_norm, config_.rms_epsilon);
}

torch::Tensor Llama::Hidden(const torch::Tensor& ids, const ForwardOptions& options) const {
  const torch::Tensor stream = RunLayers(Embed(ids), 0, layers.size(), options);
  if (options.cache != nullptr) options.cache->tokens += ids.size(1);
  return FinalNorm(stream);
}

torch::Tensor Llama::Logits(const torch::Tensor& ids, const ForwardOptions& options) const {
  return torch::linear(Hidden(ids, options), head).to(torch::kFloat32);
}

torch::Tensor Llama::StreamLoss(const torch::Tensor& stream, const torch::Tensor& ids) const {
  const int64_t predictions = ids.size(1) - 1;
  TORCH_CHECK(predictions > 0, "a loss needs sequences of at least two tokens");
  const torch::Tensor hidden = FinalNorm(stream.slice(1, 0, predictions));
  const torch::Tensor targets = ids.slice(1, 1);
  return TokenLoss(hidden.flatten(0, 1), head, targets.flatten())
      .view({ids.size(0), predictions})
      .mean(1);
}

torch::Tensor Llama::SequenceLoss(const torch::Tensor& ids, const ForwardOptions& options) const {
  TORCH_CHECK(options.cache == nullptr, "SequenceLoss takes whole sequences, not continuations");
  return StreamLoss(RunLayers(Embed(ids), 0, layers.size(), options), ids);
}

torch::Tensor WindowBatch(const TokenWindows& windows, size_t begin, size_t end,
                          torch::Device device) {
  TORCH_CHECK(begin <= end && end <= windows.count(), "windows [", begin, ", ", end, ") of ",
              windows.count());
  const auto first = windows.ids.begin();
  const std::vector<int64_t> ids(first + static_cast<ptrdiff_t>(begin * windows.length),
                                 first + static_cast<ptrdiff_t>(end * windows.length));
  return torch::tensor(ids, torch::kInt64)
      .view({static_cast<int64_t>(end - begin), int64_t{windows.length}})
      .to(device);
}

}  // namespace elm
