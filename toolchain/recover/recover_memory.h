// What recovery keeps in memory beside the model, counted from the shape: to plan by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "toolchain/recover/recover_options.h"

namespace elm {

struct RecoverMemory {
  // Frozen matrices in the type of training where the model has another, and the embedding in
  // float32.
  uint64_t frozen = 0;
  // Of all levels: values, the best so far, Adam's two moments, and a gradient for each
  // micro-batch.
  uint64_t adapters = 0;
  // Hidden states of every micro-batch of an update, and what the teacher's pass needs at once.
  uint64_t teacher = 0;
  // What layers keep until their gradients are there, of as many micro-batches as run at once.
  uint64_t activations = 0;

  uint64_t total() const { return frozen + adapters + teacher + activations; }
};

// How a run computes.
struct RecoverMachine {
  uint64_t model_element = 4;  // bytes of a number of the model that recovery is given
  bool fused = true;           // the kernels of toolchain/training: bfloat16 on a processor
  size_t workers = 1;          // micro-batches that run at once
};

// `levels` are those trained together; `options` are resolved.
RecoverMemory EstimateRecoverMemory(const ModelConfig& config, std::span<const Level> levels,
                                    const RecoverOptions& options, const RecoverMachine& machine);

// Of it: what `positions` tokens keep in the layers of one level. `element` bytes are a number in
// training. One layer and position keeps, of
//
//   the residual stream      two float32 sums and two normed copies, one for each norm
//   attention                queries, keys and values, and the mixed heads; without the fused
//                            kernels the rotated ones, too, and their softmax
//   each neuron              gate, up and their product; without the fused kernels silu(gate), too
//
// With options.checkpoint_layers only the stream and one layer's branch remain of every layer, and
// the rest of the widest.
uint64_t RecoverActivationBytes(const ModelConfig& config, const Level& level, uint64_t element,
                                bool fused, bool checkpoint_layers, uint64_t positions);

// Micro-batches that a trainer of such a model runs at once on `threads` threads.
size_t RecoverWorkers(const ModelConfig& config, bool on_cpu, size_t threads);

}  // namespace elm
