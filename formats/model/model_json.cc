#include "formats/model/model_json.h"

#include <nlohmann/json.hpp>

#include "formats/json/json_object.h"

namespace elm {

nlohmann::ordered_json ModelJson(const ModelConfig& config) {
  return JsonObject()
      .Count("layers", config.layers)
      .Count("width", config.width)
      .Count("query_heads", config.query_heads)
      .Count("kv_heads", config.kv_heads)
      .Count("head_dim", config.head_dim)
      .Count("neurons", config.neurons)
      .Count("vocab", config.vocab)
      .Count("context", config.context)
      .Value("rope_theta", config.rope_theta)
      .Value("rms_epsilon", config.rms_epsilon)
      .Flag("tied_head", config.tied_head)
      .Take();
}

nlohmann::ordered_json LayersJson(const Level& level) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerSlice& slice : level.layers) {
    layers.push_back(JsonObject()
                         .Count("query_heads", slice.query_heads)
                         .Count("kv_heads", slice.kv_heads)
                         .Count("neurons", slice.neurons)
                         .Take());
  }
  return layers;
}

}  // namespace elm
