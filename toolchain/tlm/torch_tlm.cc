#include "toolchain/tlm/torch_tlm.h"

#include <algorithm>
#include <cmath>

#include "toolchain/base/error.h"

namespace elm {
namespace {

using torch::Tensor;

std::vector<int64_t> ShapeOf(const TlmTensorSpec& spec) {
  const auto columns = static_cast<int64_t>(spec.columns);
  if (spec.is_vector()) return {columns};
  return {static_cast<int64_t>(spec.rows), columns};
}

// Row p: sin and cos of p * 10000^(-2 i / width) (Vaswani et al. 2017), with variance 1/2.
Tensor Sinusoids(int64_t positions, int64_t width) {
  const Tensor exponents = torch::arange(0, width, 2, torch::kFloat32) / width;
  const Tensor angles = torch::arange(positions, torch::kFloat32).unsqueeze(1) *
                        torch::pow(10000.0, -exponents).unsqueeze(0);
  return torch::stack({angles.sin(), angles.cos()}, 2).flatten(1).slice(1, 0, width).contiguous();
}

Tensor InitialWeights(const TlmTensorSpec& spec, torch::Generator& generator) {
  if (spec.bias) return torch::zeros(ShapeOf(spec));
  if (spec.is_norm()) return torch::ones(ShapeOf(spec));
  const auto random = [&](double deviation) {
    return torch::randn(ShapeOf(spec), generator, torch::kFloat32) * deviation;
  };
  switch (spec.role) {
    case TlmRole::kPositions:
      return Sinusoids(static_cast<int64_t>(spec.rows), static_cast<int64_t>(spec.columns)) * 0.5;
    case TlmRole::kWords:
      return random(1.0);
    case TlmRole::kTokenTypes:
      return random(0.3);
    default:
      return random(1.0 / std::sqrt(static_cast<double>(spec.columns)));
  }
}

bool IsEmbedding(TlmRole role) {
  return role == TlmRole::kWords || role == TlmRole::kPositions || role == TlmRole::kTokenTypes;
}

constexpr size_t kBranches = 3;

}  // namespace

TlmBatch MakeTlmBatch(std::span<const TlmWindow* const> windows) {
  size_t longest = 1;
  for (const TlmWindow* window : windows) longest = std::max(longest, window->ids.size());
  const std::vector<int64_t> shape = {static_cast<int64_t>(windows.size()),
                                      static_cast<int64_t>(longest)};
  TlmBatch batch = {torch::zeros(shape, torch::kInt64), torch::zeros(shape, torch::kInt64),
                    torch::zeros(shape, torch::kBool)};
  for (size_t row = 0; row < windows.size(); ++row) {
    const TlmWindow& window = *windows[row];
    const size_t begin = row * longest;
    std::copy(window.ids.begin(), window.ids.end(), batch.ids.data_ptr<int64_t>() + begin);
    std::fill_n(batch.types.data_ptr<int64_t>() + begin + window.header,
                window.ids.size() - window.header, 1);
    std::fill_n(batch.visible.data_ptr<bool>() + begin, window.ids.size(), true);
  }
  return batch;
}

TorchTlm::TorchTlm(const TlmConfig& config, uint64_t seed)
    : config_(config), specs_(ListTlmTensors(config)) {
  const torch::NoGradGuard no_grad;
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  index_.resize(size_t{kTlmRoles} * 2 * kBranches * std::max(1U, config.layers) *
                    std::max(1U, config.feed_forwards),
                SIZE_MAX);
  for (const TlmTensorSpec& spec : specs_) {
    index_[IndexOf(spec.role, spec.bias, spec.branch, spec.layer, spec.part)] = tensors_.size();
    tensors_.push_back(InitialWeights(spec, generator));
  }
  // Layer 0 begins with queries that look for their own like: what occurs in both question and
  // context is what a tiny LM has to notice first.
  const TlmBranch lowest = config.shared_layers > 0 ? TlmBranch::kShared : TlmBranch::kScore;
  if (config.layers > 0) {
    tensors_[index_[IndexOf(TlmRole::kKey, false, lowest, 0, 0)]].copy_(
        Get(TlmRole::kQuery, false, lowest, 0));
  }
  // Both branches begin as copies of the same layers, as published.
  for (size_t i = 0; i < specs_.size(); ++i) {
    const TlmTensorSpec& spec = specs_[i];
    if (spec.branch != TlmBranch::kDecision) continue;
    const size_t twin =
        index_[IndexOf(spec.role, spec.bias, TlmBranch::kScore, spec.layer, spec.part)];
    if (twin != SIZE_MAX) tensors_[i].copy_(tensors_[twin]);
  }
}

size_t TorchTlm::IndexOf(TlmRole role, bool bias, TlmBranch branch, uint32_t layer,
                         uint32_t part) const {
  size_t index = static_cast<size_t>(role) * 2 + (bias ? 1 : 0);
  index = index * kBranches + static_cast<size_t>(branch);
  index = index * std::max(1U, config_.layers) + layer;
  return index * std::max(1U, config_.feed_forwards) + part;
}

const Tensor& TorchTlm::Get(TlmRole role, bool bias, TlmBranch branch, uint32_t layer,
                            uint32_t part) const {
  const size_t index = index_.at(IndexOf(role, bias, branch, layer, part));
  TORCH_CHECK(index != SIZE_MAX, "the tiny LM has no such tensor");
  return tensors_[index];
}

uint64_t TorchTlm::body_weights() const {
  uint64_t count = 0;
  for (const TlmTensorSpec& spec : specs_) {
    if (!IsEmbedding(spec.role)) count += spec.rows * spec.columns;
  }
  return count;
}

void TorchTlm::CopyFrom(const TorchTlm& other) {
  const torch::NoGradGuard no_grad;
  TORCH_CHECK(config_ == other.config_, "tiny LMs of two shapes");
  for (size_t i = 0; i < tensors_.size(); ++i) tensors_[i].copy_(other.tensors_[i]);
}

void TorchTlm::CopyWhatFits(const TorchTlm& other) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < specs_.size(); ++i) {
    const auto twin = std::find(other.specs_.begin(), other.specs_.end(), specs_[i]);
    if (twin == other.specs_.end()) continue;
    tensors_[i].copy_(other.tensors_[static_cast<size_t>(twin - other.specs_.begin())]);
  }
}

Tensor TorchTlm::Product(const Tensor& input, TlmRole role, TlmBranch branch, uint32_t layer,
                         uint32_t part) const {
  return torch::linear(input, Get(role, false, branch, layer, part),
                       Get(role, true, branch, layer, part));
}

Tensor TorchTlm::Norm(const Tensor& input, TlmRole role, TlmBranch branch, uint32_t layer,
                      uint32_t part) const {
  const Tensor& scale = Get(role, false, branch, layer, part);
  const Tensor& shift = Get(role, true, branch, layer, part);
  if (!config_.layer_norm) return input * scale + shift;
  const bool last_feed_forward =
      role == TlmRole::kFeedForwardNorm && part + 1 == config_.feed_forwards;
  const bool plain = role == TlmRole::kEmbeddingNorm || last_feed_forward;
  return torch::layer_norm(input, {input.size(-1)}, scale, shift,
                           plain ? kPlainNormEpsilon : config_.norm_epsilon);
}

Tensor TorchTlm::Embed(const TlmBatch& batch) const {
  Tensor words = torch::embedding(Get(TlmRole::kWords), batch.ids) *
                 batch.visible.unsqueeze(-1).to(torch::kFloat32);
  if (config_.trigram) {
    const Tensor none = torch::zeros_like(words.slice(1, 0, 1));
    const Tensor next = torch::cat({words.slice(1, 1), none}, 1);
    const Tensor previous = torch::cat({none, words.slice(1, 0, -1)}, 1);
    words = torch::cat({next, words, previous}, 2);
  }
  const Tensor hidden = Product(words, TlmRole::kEmbeddingProjection, TlmBranch::kShared) +
                        Get(TlmRole::kPositions).slice(0, 0, words.size(1)) +
                        torch::embedding(Get(TlmRole::kTokenTypes), batch.types);
  return Norm(hidden, TlmRole::kEmbeddingNorm, TlmBranch::kShared);
}

Tensor TorchTlm::Attend(const Tensor& hidden, const Tensor& visible, TlmBranch branch,
                        uint32_t layer) const {
  const int64_t head_dim = config_.head_dim();
  const Tensor shared = Norm(Product(hidden, TlmRole::kAttentionBottleneck, branch, layer),
                             TlmRole::kAttentionBottleneckNorm, branch, layer);
  const auto heads = [&](const Tensor& input, TlmRole role) {
    return Product(input, role, branch, layer).unflatten(-1, {-1, head_dim}).transpose(1, 2);
  };
  const Tensor query = heads(shared, TlmRole::kQuery) * (1.0 / std::sqrt(head_dim));
  Tensor scores = torch::matmul(query, heads(shared, TlmRole::kKey).transpose(2, 3));
  scores.masked_fill_(visible.logical_not().unsqueeze(1).unsqueeze(1), -INFINITY);
  const Tensor mixed = torch::matmul(torch::softmax(scores, -1), heads(hidden, TlmRole::kValue));
  return Product(mixed.transpose(1, 2).flatten(2), TlmRole::kAttentionOutput, branch, layer);
}

Tensor TorchTlm::RunLayer(const Tensor& hidden, const Tensor& visible, TlmBranch branch,
                          uint32_t layer) const {
  const Tensor input = Norm(Product(hidden, TlmRole::kInputBottleneck, branch, layer),
                            TlmRole::kInputBottleneckNorm, branch, layer);
  Tensor inner =
      Norm(Attend(hidden, visible, branch, layer) + input, TlmRole::kAttentionNorm, branch, layer);
  for (uint32_t part = 0; part < config_.feed_forwards; ++part) {
    const Tensor neurons =
        torch::relu(Product(inner, TlmRole::kFeedForwardIn, branch, layer, part));
    inner = Norm(Product(neurons, TlmRole::kFeedForwardOut, branch, layer, part) + inner,
                 TlmRole::kFeedForwardNorm, branch, layer, part);
  }
  return Norm(Product(inner, TlmRole::kOutputBottleneck, branch, layer) + hidden,
              TlmRole::kOutputBottleneckNorm, branch, layer);
}

Tensor TorchTlm::RunShared(const TlmBatch& batch) const {
  Tensor hidden = Embed(batch);
  for (uint32_t layer = 0; layer < config_.shared_layers; ++layer) {
    hidden = RunLayer(hidden, batch.visible, TlmBranch::kShared, layer);
  }
  return hidden;
}

Tensor TorchTlm::RunBranch(Tensor hidden, const Tensor& visible, TlmBranch branch) const {
  for (uint32_t layer = config_.shared_layers; layer < config_.layers; ++layer) {
    hidden = RunLayer(hidden, visible, branch, layer);
  }
  return hidden;
}

Tensor TorchTlm::ScoreLogits(const TlmBatch& batch) const {
  const Tensor hidden = RunBranch(RunShared(batch), batch.visible, TlmBranch::kScore);
  return Product(hidden, TlmRole::kScoreHead, TlmBranch::kScore).squeeze(-1);
}

TorchTlm::Decision TorchTlm::Decide(const Tensor& first) const {
  return {Product(first, TlmRole::kPromptClassifier, TlmBranch::kDecision),
          Product(first, TlmRole::kModelClassifier, TlmBranch::kDecision),
          Product(first, TlmRole::kGridHead, TlmBranch::kDecision)};
}

TorchTlm::Decision TorchTlm::DecideLogits(const TlmBatch& batch) const {
  return Decide(RunBranch(RunShared(batch), batch.visible, TlmBranch::kDecision).select(1, 0));
}

}  // namespace elm
