#include "runtime/engine/forward.h"

#include <algorithm>

#include "runtime/kernels/attention.h"
#include "runtime/kernels/norm.h"
#include "runtime/kernels/rope.h"
#include "runtime/kernels/swiglu.h"

namespace elm {
namespace {

// One block of tokens on its way through the layers.
struct Block {
  const ForwardModel& model;
  const ModelConfig& config;
  Scratch& scratch;
  KvCache& cache;
  uint32_t start;   // position of the first token
  uint32_t tokens;  // T
};

void Embed(const Block& block, std::span<const uint32_t> ids) {
  const size_t width = block.config.width;
  for (uint32_t t = 0; t < block.tokens; ++t) {
    DecodeRow(block.model.weights.embedding, ids[t], block.scratch.residual.get() + t * width);
  }
}

void PrepareRope(const Block& block) {
  const size_t half = block.config.head_dim / 2;
  for (uint32_t t = 0; t < block.tokens; ++t) {
    RopeAngles(block.model.rope_frequencies, block.start + t,
               block.scratch.cosines.get() + t * half, block.scratch.sines.get() + t * half);
  }
}

void Normalise(const Block& block, const float* norm) {
  const size_t width = block.config.width;
  for (uint32_t t = 0; t < block.tokens; ++t) {
    RmsNorm(block.scratch.residual.get() + t * width, norm, width, block.config.rms_epsilon,
            block.scratch.normed.get() + t * width);
  }
}

// Rotates the first `heads` heads of every token. rows: [T, stride].
void Rotate(const Block& block, float* rows, size_t stride, uint32_t heads) {
  const size_t head_dim = block.config.head_dim;
  for (uint32_t t = 0; t < block.tokens; ++t) {
    const float* cosines = block.scratch.cosines.get() + t * (head_dim / 2);
    const float* sines = block.scratch.sines.get() + t * (head_dim / 2);
    for (uint32_t head = 0; head < heads; ++head) {
      ApplyRope(cosines, sines, head_dim, rows + t * stride + head * head_dim);
    }
  }
}

void StoreKeysAndValues(const Block& block, uint32_t layer, uint32_t kv_heads) {
  const size_t head_dim = block.config.head_dim;
  const size_t kv_width = block.config.kv_width();
  for (uint32_t head = 0; head < kv_heads; ++head) {
    float* keys = block.cache.keys(layer, head) + block.start * head_dim;
    float* values = block.cache.values(layer, head) + block.start * head_dim;
    for (uint32_t t = 0; t < block.tokens; ++t) {
      const size_t source = t * kv_width + head * head_dim;
      std::copy_n(block.scratch.key.get() + source, head_dim, keys + t * head_dim);
      std::copy_n(block.scratch.value.get() + source, head_dim, values + t * head_dim);
    }
  }
}

// Each token sees itself and everything before it.
void AttendAllHeads(const Block& block, uint32_t layer, uint32_t query_heads) {
  const size_t head_dim = block.config.head_dim;
  const size_t query_width = block.config.query_width();
  for (uint32_t head = 0; head < query_heads; ++head) {
    const uint32_t kv_head = block.model.weights.layers[layer].kv_of[head];
    for (uint32_t t = 0; t < block.tokens; ++t) {
      const size_t at = t * query_width + head * head_dim;
      AttendOneHead(block.scratch.query.get() + at, block.cache.keys(layer, kv_head),
                    block.cache.values(layer, kv_head), head_dim, block.start + t + 1, head_dim,
                    block.scratch.scores.get(), block.scratch.attended.get() + at);
    }
  }
}

// residual += O attention(norm(residual)), over the kept heads.
void AttentionBlock(const Block& block, uint32_t layer, const LayerSlice& slice) {
  const LayerWeights& weights = block.model.weights.layers[layer];
  const size_t width = block.config.width;
  const size_t query_width = block.config.query_width();
  const size_t kv_width = block.config.kv_width();
  const size_t kept_query = size_t{slice.query_heads} * block.config.head_dim;
  const size_t kept_kv = size_t{slice.kv_heads} * block.config.head_dim;
  Scratch& scratch = block.scratch;

  Normalise(block, weights.attention_norm);
  const InputRows normed{scratch.normed.get(), width};
  MatMulOutputCut(weights.query, kept_query, block.tokens, normed,
                  {scratch.query.get(), query_width});
  MatMulOutputCut(weights.key, kept_kv, block.tokens, normed, {scratch.key.get(), kv_width});
  MatMulOutputCut(weights.value, kept_kv, block.tokens, normed, {scratch.value.get(), kv_width});
  Rotate(block, scratch.query.get(), query_width, slice.query_heads);
  Rotate(block, scratch.key.get(), kv_width, slice.kv_heads);
  StoreKeysAndValues(block, layer, slice.kv_heads);
  AttendAllHeads(block, layer, slice.query_heads);
  AddMatMulInputCut(weights.output, kept_query, block.tokens, {scratch.attended.get(), query_width},
                    {scratch.residual.get(), width});
}

// residual += down(silu(gate(norm(residual))) * up(norm(residual))), over the kept neurons.
void MlpBlock(const Block& block, uint32_t layer, const LayerSlice& slice) {
  const LayerWeights& weights = block.model.weights.layers[layer];
  const size_t width = block.config.width;
  const size_t neurons = block.config.neurons;
  Scratch& scratch = block.scratch;

  Normalise(block, weights.mlp_norm);
  const InputRows normed{scratch.normed.get(), width};
  MatMulOutputCut(weights.gate, slice.neurons, block.tokens, normed, {scratch.gate.get(), neurons});
  MatMulOutputCut(weights.up, slice.neurons, block.tokens, normed, {scratch.up.get(), neurons});
  for (uint32_t t = 0; t < block.tokens; ++t) {
    SwiGlu(scratch.gate.get() + t * neurons, scratch.up.get() + t * neurons, slice.neurons);
  }
  AddMatMulInputCut(weights.down, slice.neurons, block.tokens, {scratch.gate.get(), neurons},
                    {scratch.residual.get(), width});
}

}  // namespace

Result<Scratch> Scratch::Create(const ModelConfig& config, uint32_t context) {
  Scratch scratch;
  Status status;
  const auto allocate = [&status](Floats& floats, uint64_t rows, uint64_t columns) {
    auto allocated = AllocateFloats({{rows, columns}}, "scratch memory");
    if (allocated.ok()) {
      floats = std::move(*allocated);
    } else {
      status = allocated.status();
    }
  };
  allocate(scratch.residual, kBlockTokens, config.width);
  allocate(scratch.normed, kBlockTokens, config.width);
  allocate(scratch.query, kBlockTokens, config.query_width());
  allocate(scratch.key, kBlockTokens, config.kv_width());
  allocate(scratch.value, kBlockTokens, config.kv_width());
  allocate(scratch.attended, kBlockTokens, config.query_width());
  allocate(scratch.gate, kBlockTokens, config.neurons);
  allocate(scratch.up, kBlockTokens, config.neurons);
  allocate(scratch.scores, 1, context);
  allocate(scratch.cosines, kBlockTokens, config.head_dim / 2);
  allocate(scratch.sines, kBlockTokens, config.head_dim / 2);
  allocate(scratch.logits, kLogitRows, config.vocab);
  if (!status.ok()) return status;
  return scratch;
}

void ForwardBlock(const ForwardModel& model, std::span<const uint32_t> ids, KvCache& cache,
                  Scratch& scratch) {
  const auto tokens = static_cast<uint32_t>(ids.size());
  const Block block{model, model.config, scratch, cache, cache.length(), tokens};
  Embed(block, ids);
  PrepareRope(block);
  for (uint32_t layer = 0; layer < model.config.layers; ++layer) {
    const LayerSlice& slice = model.level.layers[layer];
    if (slice.query_heads > 0) AttentionBlock(block, layer, slice);
    if (slice.neurons > 0) MlpBlock(block, layer, slice);
  }
  cache.Advance(tokens);
}

void ComputeLogits(const ForwardModel& model, uint32_t first, uint32_t rows, Scratch& scratch) {
  const ModelConfig& config = model.config;
  for (uint32_t row = 0; row < rows; ++row) {
    const size_t at = size_t{first + row} * config.width;
    RmsNorm(scratch.residual.get() + at, model.weights.final_norm, config.width, config.rms_epsilon,
            scratch.normed.get() + at);
  }
  const float* normed = scratch.normed.get() + size_t{first} * config.width;
  MatMulOutputCut(model.weights.head, config.vocab, rows, {normed, config.width},
                  {scratch.logits.get(), config.vocab});
}

}  // namespace elm
