#include "formats/model/model_config.h"

#include <cmath>

namespace elm {
namespace {

Status CheckCount(const char* field, uint32_t value, uint32_t limit) {
  if (value >= 1 && value <= limit) return Status::Ok();
  return Corruption(field, " is ", value, ", expected 1 to ", limit);
}

}  // namespace

Status Validate(const ModelConfig& config) {
  ELM_RETURN_IF_ERROR(CheckCount("layers", config.layers, ModelLimits::kLayers));
  ELM_RETURN_IF_ERROR(CheckCount("width", config.width, ModelLimits::kWidth));
  ELM_RETURN_IF_ERROR(CheckCount("query_heads", config.query_heads, ModelLimits::kHeads));
  ELM_RETURN_IF_ERROR(CheckCount("kv_heads", config.kv_heads, ModelLimits::kHeads));
  ELM_RETURN_IF_ERROR(CheckCount("head_dim", config.head_dim, ModelLimits::kHeadDim));
  ELM_RETURN_IF_ERROR(CheckCount("neurons", config.neurons, ModelLimits::kNeurons));
  ELM_RETURN_IF_ERROR(CheckCount("vocab", config.vocab, ModelLimits::kVocab));
  ELM_RETURN_IF_ERROR(CheckCount("context", config.context, ModelLimits::kContext));
  if (config.query_heads % config.kv_heads != 0) {
    return Corruption("query_heads is ", config.query_heads, ", not a multiple of kv_heads ",
                      config.kv_heads);
  }
  if (config.head_dim % 2 != 0) {
    return Corruption("head_dim is ", config.head_dim, ", but rotary positions need an even size");
  }
  if (!std::isfinite(config.rope_theta) || config.rope_theta <= 0) {
    return Corruption("rope_theta is ", config.rope_theta, ", expected a positive number");
  }
  if (!std::isfinite(config.rms_epsilon) || config.rms_epsilon <= 0) {
    return Corruption("rms_epsilon is ", config.rms_epsilon, ", expected a positive number");
  }
  return Status::Ok();
}

}  // namespace elm
