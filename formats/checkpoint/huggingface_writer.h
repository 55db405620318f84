// Writes the directory that huggingface.h reads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/model_config.h"

namespace elm {

struct HuggingFaceModel {
  ModelConfig config;
  uint32_t bos = 0;
  uint32_t eos = 0;
  std::string tokenizer_model;  // serialised SentencePiece model
  // float32 values of the tensors of ListTensors(config), in that order.
  std::vector<std::span<const float>> tensors;
};

// config.json, generation_config.json, tokenizer.model and model.safetensors, the weights in F16,
// each written atomically into `directory`, which must exist.
Status WriteHuggingFace(const std::string& directory, const HuggingFaceModel& model);

}  // namespace elm
