// Weights to start from in which copying is already wired.
//
// The tasks of the pocket world are answered by looking something up: find what stands for the
// question's words in the context, and say what follows it. The circuit for it needs two layers: a
// head that looks at the token before, and one that looks for a place whose token before is the
// present one and says what stands there (Olsson et al., "In-context Learning and Induction Heads",
// 2022). A small model on small batches takes millions of tokens to find it from random weights;
// here a few heads begin with it, and training makes of them what it needs. The idea of starting
// attention from the form that it ends in is Trockman and Kolter's ("Mimetic Initialization of
// Self-Attention Layers", 2023).
#pragma once

#include "formats/model/model_config.h"
#include "toolchain/base/libtorch.h"

namespace elm {

// Rows of `query_key_value` [(query_heads + 2 kv_heads) * head_dim, width] and columns of `output`
// [width, query_heads * head_dim] of one layer.
struct AttentionWeights {
  torch::Tensor query_key_value;
  torch::Tensor output;
};

// Changes weights of the first two layers in place: half of layer 0's heads look one token back,
// and all of layer 1's continue what followed an earlier occurrence. `embedding` [vocab, width], of
// deviation `embedding_deviation`, gets a constant last column, which gives heads something to hold
// a position by. Does nothing to a model of a single layer, or one that is narrower than the heads'
// directions need.
void WireCopyCircuit(const ModelConfig& config, double embedding_deviation, torch::Tensor embedding,
                     AttentionWeights layer0, AttentionWeights layer1, torch::Generator& generator);

}  // namespace elm
