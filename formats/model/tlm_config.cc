#include "formats/model/tlm_config.h"

#include <cmath>

namespace elm {
namespace {

Status CheckRange(const char* field, uint32_t value, uint32_t least, uint32_t most) {
  if (value >= least && value <= most) return Status::Ok();
  return Corruption(field, " is ", value, ", expected ", least, " to ", most);
}

}  // namespace

Status Validate(const TlmConfig& config) {
  // A window must hold [CLS], two SLO tokens, [SEP] and some of question and context.
  constexpr uint32_t kLeastPositions = 16;
  ELM_RETURN_IF_ERROR(CheckRange("vocab", config.vocab, 1, TlmLimits::kVocab));
  ELM_RETURN_IF_ERROR(
      CheckRange("positions", config.positions, kLeastPositions, TlmLimits::kPositions));
  ELM_RETURN_IF_ERROR(CheckRange("token_types", config.token_types, 2, TlmLimits::kTokenTypes));
  ELM_RETURN_IF_ERROR(CheckRange("embedding", config.embedding, 1, TlmLimits::kWidth));
  ELM_RETURN_IF_ERROR(CheckRange("hidden", config.hidden, 1, TlmLimits::kWidth));
  ELM_RETURN_IF_ERROR(CheckRange("bottleneck", config.bottleneck, 1, TlmLimits::kWidth));
  ELM_RETURN_IF_ERROR(CheckRange("heads", config.heads, 1, TlmLimits::kHeads));
  ELM_RETURN_IF_ERROR(CheckRange("intermediate", config.intermediate, 1, TlmLimits::kWidth));
  ELM_RETURN_IF_ERROR(
      CheckRange("feed_forwards", config.feed_forwards, 1, TlmLimits::kFeedForwards));
  ELM_RETURN_IF_ERROR(CheckRange("layers", config.layers, 1, TlmLimits::kLayers));
  ELM_RETURN_IF_ERROR(CheckRange("shared_layers", config.shared_layers, 0, config.layers));
  ELM_RETURN_IF_ERROR(CheckRange("prompt_levels", config.prompt_levels, 1, TlmLimits::kLevels));
  ELM_RETURN_IF_ERROR(CheckRange("model_levels", config.model_levels, 1, TlmLimits::kLevels));
  if (config.bottleneck % config.heads != 0) {
    return Corruption("bottleneck is ", config.bottleneck, ", not a multiple of heads ",
                      config.heads);
  }
  if (!std::isfinite(config.norm_epsilon) || config.norm_epsilon <= 0) {
    return Corruption("norm_epsilon is ", config.norm_epsilon, ", expected a positive number");
  }
  return Status::Ok();
}

}  // namespace elm
