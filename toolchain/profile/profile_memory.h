// What profiling keeps in memory beside the model, counted from the shape: to plan by.
#pragma once

#include <cstdint>

#include "formats/model/model_config.h"

namespace elm {

// Bytes that one batch of `sequences` windows of `tokens` keeps until its gates' gradients are
// there, in a model whose numbers have `element` bytes (4 or 2). One layer and position keeps, of
//
//   the residual stream      two float32 copies, one for each norm
//   attention                queries, gated heads, and keys and values once more for every block of
//                            queries, on average for half of the positions, plus their softmax
//   each neuron              gate, silu(gate), up and their product, its gate (float32) and, at the
//                            end, that gate's gradient (float32)
//
// `layer_benchmark` holds this against a measured peak.
uint64_t ProfileActivationBytes(const ModelConfig& config, uint64_t element, uint64_t sequences,
                                uint64_t tokens);

}  // namespace elm
