#include "formats/model/model_json.h"

#include <nlohmann/json.hpp>

namespace elm {

nlohmann::ordered_json ModelJson(const ModelConfig& config) {
  return {{"layers", config.layers},
          {"width", config.width},
          {"query_heads", config.query_heads},
          {"kv_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"neurons", config.neurons},
          {"vocab", config.vocab},
          {"context", config.context},
          {"rope_theta", config.rope_theta},
          {"rms_epsilon", config.rms_epsilon},
          {"tied_head", config.tied_head}};
}

nlohmann::ordered_json LayersJson(const Level& level) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerSlice& slice : level.layers) {
    layers.push_back({{"query_heads", slice.query_heads},
                      {"kv_heads", slice.kv_heads},
                      {"neurons", slice.neurons}});
  }
  return layers;
}

}  // namespace elm
