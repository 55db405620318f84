// A bundle's weights as views that the forward pass can walk: nothing is copied or unpacked.
//
// The views are always those of the whole model. A level is a row of the level table beside them:
// counts that say how long a prefix of each view it uses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "formats/base/status.h"
#include "formats/elm/bundle.h"
#include "formats/model/level_table.h"
#include "runtime/kernels/matrix.h"

namespace elm {

struct LayerWeights {
  const float* attention_norm;      // [width]
  Matrix query;                     // [query_heads * head_dim, width], cut along the outputs
  Matrix key;                       // [kv_heads * head_dim, width], outputs
  Matrix value;                     // [kv_heads * head_dim, width], outputs
  Matrix output;                    // [width, query_heads * head_dim], cut along the inputs
  const float* mlp_norm;            // [width]
  Matrix gate;                      // [neurons, width], outputs
  Matrix up;                        // [neurons, width], outputs
  Matrix down;                      // [width, neurons], inputs
  std::span<const uint16_t> kv_of;  // [query_heads]: the KV head that each query head reads
};

// One layer of an adapter (formats/elm/adapter_plan.h), by AdapterPart; blocks that the level skips
// have none.
using AdapterLayer = std::array<Matrix, kAdapterParts>;

struct Adapter {
  uint32_t rank = 0;
  float scale = 0;
  std::vector<AdapterLayer> layers;
};

struct ModelWeights {
  Matrix embedding;  // [vocab, width]
  std::vector<LayerWeights> layers;
  const float* final_norm;  // [width]
  Matrix head;              // [vocab, width]; the embedding again when the head is tied
  std::vector<std::optional<Adapter>> adapters;  // [levels]
  uint32_t largest_rank = 0;                     // of all adapters; 0 when there are none
};

// Fails when a tensor is missing or stored in a way that the kernels do not read; the message names
// it. The views live as long as the bundle.
Result<ModelWeights> ViewWeights(const Bundle& bundle);

}  // namespace elm
