// A Hugging Face directory: config.json, and model.safetensors or several files with
// model.safetensors.index.json.
#pragma once

#include <memory>
#include <string>

#include "formats/base/status.h"
#include "formats/checkpoint/checkpoint.h"

namespace elm {

// `directory` holds a config.json. As in Hugging Face's own loader, model.safetensors wins over an
// index.
Result<std::unique_ptr<Checkpoint>> OpenHuggingFace(const std::string& directory);

}  // namespace elm
