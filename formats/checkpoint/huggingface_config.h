// config.json of a Hugging Face directory.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "formats/base/status.h"
#include "formats/model/model_config.h"

namespace elm {

// LlamaForCausalLM or MistralForCausalLM. What would compute something else than this project does
// is refused by name: other architectures, scaled or partial rotary positions, sliding windows,
// biases, activations other than SiLU, quantised weights. Absent fields take Hugging Face's
// defaults (rope_theta 10000, rms_norm_eps 1e-6, as many KV heads as heads for Llama and 8 for
// Mistral, untied head); the sizes of the model have none. `name` is the file, for messages.
Result<ModelConfig> ParseHuggingFaceConfig(const nlohmann::json& config, const std::string& name);

}  // namespace elm
