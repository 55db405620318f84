// The forward pass of a Llama-architecture model at a level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "runtime/engine/floats.h"
#include "runtime/engine/kv_cache.h"
#include "runtime/engine/weights.h"

namespace elm {

// Most tokens that go through the layers together; longer inputs are cut into blocks. Large enough
// that weights are read rarely, small enough that the activations stay in the cache.
inline constexpr uint32_t kBlockTokens = 32;
// Most rows of logits that are computed together.
inline constexpr uint32_t kLogitRows = 8;

// What a forward pass writes to on its way, allocated once for the widest level. T is kBlockTokens.
struct Scratch {
  static Result<Scratch> Create(const ModelConfig& config, uint32_t context);

  Floats residual;  // [T, width]
  Floats normed;    // [T, width]
  Floats query;     // [T, query_heads * head_dim]
  Floats key;       // [T, kv_heads * head_dim]
  Floats value;     // [T, kv_heads * head_dim]
  Floats attended;  // [T, query_heads * head_dim]
  Floats gate;      // [T, neurons]
  Floats up;        // [T, neurons]
  Floats scores;    // [context], of one query head
  Floats cosines;   // [T, head_dim / 2]
  Floats sines;     // [T, head_dim / 2]
  Floats logits;    // [kLogitRows, vocab]
};

// Everything that a forward pass reads but the tokens.
struct ForwardModel {
  const ModelConfig& config;
  const ModelWeights& weights;
  const std::vector<double>& rope_frequencies;  // [head_dim / 2]
  const Level& level;
};

// Runs 1 to kBlockTokens ids, each below vocab, behind what `cache` holds (they must fit) and
// advances it. Leaves the last layer's output in scratch.residual.
void ForwardBlock(const ForwardModel& model, std::span<const uint32_t> ids, KvCache& cache,
                  Scratch& scratch);

// Logits of rows [first, first + rows) of scratch.residual, into the first `rows` rows of
// scratch.logits; rows <= kLogitRows.
void ComputeLogits(const ForwardModel& model, uint32_t first, uint32_t rows, Scratch& scratch);

}  // namespace elm
