// How much blocks change the residual stream.
#pragma once

#include <vector>

#include "toolchain/base/libtorch.h"
#include "toolchain/baselines/baseline.h"

namespace elm {

// Sum over all tokens of the cosine of two streams [batch, tokens, width].
double SumOfCosines(const torch::Tensor& a, const torch::Tensor& b);

// Mean over the tokens of the calibration of the cosine between the stream before something and
// behind it.
struct StreamSimilarity {
  std::vector<double> layers;     // [layers]: the whole layer
  std::vector<double> attention;  // [layers]: its attention with the residual connection
  std::vector<double> mlp;        // [layers]: its MLP with the residual connection
};
StreamSimilarity MeasureSimilarity(const BaselineInputs& inputs);

}  // namespace elm
