// A tiny LM in a directory of its own: weights, vocabulary, settings and where it comes from.
//
//   tlm.json           settings of TlmSettings but the vocabulary, and provenance
//   vocab.txt          one piece per line
//   model.safetensors  tensors of ListTlmTensors() under their names
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "formats/base/dtype.h"
#include "formats/model/tlm_settings.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

struct StoredTlm {
  TlmSettings settings;
  TorchTlm model;
  nlohmann::json provenance;  // how it was made; an object
};

// Matrices in `dtype` (F32 or F16), vectors in float32. Each file atomically, the settings last.
void SaveTlm(const std::string& directory, const TlmSettings& settings, const TorchTlm& model,
             const nlohmann::json& provenance, DType dtype);

// Throws elm::Error that names file and field, or file and tensor.
StoredTlm LoadTlm(const std::string& directory);

// Whether the directory holds a tiny LM of this form (and not, say, a MobileBERT).
bool IsTlmDirectory(const std::string& directory);

// Hashes the files of a folder that a tiny LM can begin with, ours or a MobileBERT's.
// Throws elm::Error where there is no such folder.
std::string HashTlmFolder(const std::string& directory);

nlohmann::json ToJson(const TlmSettings& settings);  // without the vocabulary

// Hashes weights and settings: what everything made with the tiny LM depends on.
std::string TlmKey(const TlmSettings& settings, const TorchTlm& model);

}  // namespace elm
