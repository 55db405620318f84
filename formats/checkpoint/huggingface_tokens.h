// What a Hugging Face directory says about special tokens.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/checkpoint/checkpoint.h"

namespace elm {

struct HuggingFaceTokens {
  SpecialTokens tokens;
  std::vector<std::string> files;  // those that were read besides config.json
};

// bos_token_id and eos_token_id (a number or a list) of generation_config.json where it states
// them, else of config.json (`config`, parsed). The chat template is chat_template.jinja, else
// tokenizer_config.json's chat_template: a string, or the entry "default" of a list. All files but
// config.json may be absent.
Result<HuggingFaceTokens> ReadHuggingFaceTokens(const std::string& directory,
                                                const nlohmann::json& config, uint32_t vocab);

}  // namespace elm
