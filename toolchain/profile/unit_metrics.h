// The metrics of ProfileUnits, each adding one batch of sequences, ids int64 [batch, tokens], to
// sums.
#pragma once

#include <cstddef>
#include <vector>

#include "formats/model/model_config.h"
#include "formats/workspace/scores.h"
#include "toolchain/base/libtorch.h"
#include "toolchain/model/llama.h"

namespace elm {

// kSequence, kSquared and kToken from one forward and backward pass; also scores.sequences and
// loss_sum.
void AddGateScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores);

// kWeightGradient, one forward and backward pass per sequence.
void AddWeightGradientScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores);

// kExact, by running every layer that has a unit removed and the layers behind it.
void AddExactScores(const Llama& model, const torch::Tensor& ids, UnitScores& scores);

// float64 [query_heads, kv_heads], 1 where the layer's query head reads the KV head: a product with
// it sums query heads into KV groups, in an order that does not change from run to run on any
// device.
torch::Tensor GroupMatrix(const LlamaLayer& layer, const ModelConfig& config);

// Adds the rows of `values` [sequences, units], one after the other, to sums[offset, offset +
// units).
void AddRows(const torch::Tensor& values, size_t offset, std::vector<double>& sums);

}  // namespace elm
