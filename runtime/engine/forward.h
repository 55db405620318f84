// The forward pass of a Llama-architecture model at a level.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/aligned_buffer.h"
#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "runtime/engine/kv_cache.h"
#include "runtime/engine/weights.h"
#include "runtime/kernels/input_buffer.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/thread_pool.h"

namespace elm {

// Most tokens that go through the layers together; longer inputs are cut into blocks. Large enough
// that weights are read from memory rarely, small enough that the activations stay in the cache.
inline constexpr uint32_t kBlockTokens = 128;
// Most rows of logits that are computed together.
inline constexpr uint32_t kLogitRows = 8;

// What a forward pass writes to on its way, allocated once for the widest level. T is the most
// tokens of a block: kBlockTokens, or the context where that is shorter.
struct Scratch {
  // `largest_rank` is that of the model's adapters, 0 without any.
  static Result<Scratch> Create(const ModelConfig& config, uint32_t context, size_t threads,
                                uint32_t largest_rank);

  uint64_t bytes() const;
  // Gives the memory of everything but the logits back to the system until it is written again.
  void Trim();

  uint32_t block_tokens = 0;      // T
  AlignedBuffer<float> residual;  // [T, width]
  AlignedBuffer<float> normed;    // [T, width]
  AlignedBuffer<float> query;     // [T, query_heads * head_dim]
  AlignedBuffer<float> key;       // [T, kv_heads * head_dim]
  AlignedBuffer<float> value;     // [T, kv_heads * head_dim]
  AlignedBuffer<float> attended;  // [T, query_heads * head_dim]
  AlignedBuffer<float> gate;      // [T, neurons]
  AlignedBuffer<float> up;        // [T, neurons]
  AlignedBuffer<float> scores;    // [threads, AttentionScratch(context)]
  AlignedBuffer<float> cosines;   // [T, head_dim / 2]
  AlignedBuffer<float> sines;     // [T, head_dim / 2]
  AlignedBuffer<float> logits;    // [kLogitRows, vocab]
  InputBuffer inputs;             // [T, the widest of a product's inputs]

  AlignedBuffer<float> low;  // [T, 3 * largest_rank], what A of an adapter makes of the inputs
};

// Everything that a forward pass reads but the tokens, and what it runs on.
struct ForwardModel {
  const ModelConfig& config;
  const ModelWeights& weights;
  const std::vector<double>& rope_frequencies;  // [head_dim / 2]
  const Level& level;
  const Adapter* adapter;  // of the level; null without one
  const KernelTable& kernels;
  ThreadPool& threads;
};

// Runs 1 to scratch.block_tokens ids, each below vocab, behind what `cache` holds (they must fit)
// and advances it. Leaves the last layer's output in scratch.residual. The results do not depend on
// the number of threads.
void ForwardBlock(const ForwardModel& model, std::span<const uint32_t> ids, KvCache& cache,
                  Scratch& scratch);

// Logits of rows [first, first + rows) of scratch.residual, into the first `rows` rows of
// scratch.logits; rows <= kLogitRows.
void ComputeLogits(const ForwardModel& model, uint32_t first, uint32_t rows, Scratch& scratch);

}  // namespace elm
