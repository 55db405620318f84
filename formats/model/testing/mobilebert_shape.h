// The published tiny LM's body, for figures that others have counted too.
#pragma once

#include "formats/model/testing/tiny_tlm.h"

namespace elm::testing {

// 24 layers, the lower half shared by both branches; as many levels as the tiny one.
inline TlmConfig MobileBertConfig() {
  TlmConfig config = TinyTlmConfig();
  config.vocab = 30522;
  config.positions = 512;
  config.embedding = 128;
  config.hidden = 512;
  config.bottleneck = 128;
  config.heads = 4;
  config.intermediate = 512;
  config.feed_forwards = 4;
  config.layers = 24;
  config.shared_layers = 12;
  return config;
}

}  // namespace elm::testing
