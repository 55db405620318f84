// A tiny LM's weights as views that the encoder can walk: nothing is copied.
#pragma once

#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "runtime/kernels/matrix.h"

namespace elm {

// y = matrix x + bias.
struct TlmLinear {
  Matrix matrix;
  const float* bias = nullptr;  // [matrix.rows]
};

struct TlmNorm {
  const float* scale = nullptr;
  const float* shift = nullptr;
  float epsilon = 0;  // of LayerNorm
};

struct TlmFeedForward {
  TlmLinear in;   // [intermediate, bottleneck]
  TlmLinear out;  // [bottleneck, intermediate]
  TlmNorm norm;
};

struct TlmLayer {
  TlmLinear input_bottleneck;  // [bottleneck, hidden]
  TlmNorm input_norm;
  TlmLinear attention_bottleneck;  // [bottleneck, hidden]
  TlmNorm shared_norm;             // of what query and key share
  TlmLinear query;                 // [bottleneck, bottleneck]
  TlmLinear key;                   // [bottleneck, bottleneck]
  TlmLinear value;                 // [bottleneck, hidden]
  TlmLinear output;                // [bottleneck, bottleneck]
  TlmNorm attention_norm;
  std::vector<TlmFeedForward> feed_forwards;
  TlmLinear output_bottleneck;  // [hidden, bottleneck]
  TlmNorm output_norm;
};

struct TlmWeights {
  Matrix words;        // [vocab, embedding]
  Matrix positions;    // [positions, hidden]
  Matrix token_types;  // [token_types, hidden]
  TlmLinear projection;
  TlmNorm embedding_norm;
  std::vector<TlmLayer> shared;  // the bottom layers
  std::vector<TlmLayer> score;   // those above, of each branch
  std::vector<TlmLayer> decision;
  TlmLinear score_head;
  TlmLinear prompt_classifier;
  TlmLinear model_classifier;
  TlmLinear grid_head;
};

// Fails, naming the tensor, when one is stored in a way that the kernels do not read. The views
// live as long as the bundle's bytes.
Result<TlmWeights> ViewTlmWeights(const BundleTlm& tlm);

}  // namespace elm
