// What a bundle carries to serve requests that name an SLO, for people to read.
#pragma once

#include <string>

#include "formats/elm/bundle.h"

namespace elm {

// Tiny LM, reference latency and measured accuracy, as far as they are there; empty for a bundle of
// version 1.0, otherwise ends with a newline.
std::string ElasticText(const BundleView& view);

// Bytes of the tiny LM's weights.
uint64_t TlmBytes(const BundleTlm& tlm);

// Its weights, vectors left out: all of them, and those outside the embeddings.
struct TlmWeightCounts {
  uint64_t all = 0;
  uint64_t layers_and_heads = 0;
};
TlmWeightCounts CountTlmWeights(const TlmConfig& config);

}  // namespace elm
