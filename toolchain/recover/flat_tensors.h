// Named float32 vectors and a text in one safetensors file: what recovery leaves on the disk.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "toolchain/base/libtorch.h"

namespace elm {

struct FlatTensors {
  nlohmann::json about;
  std::map<std::string, torch::Tensor> vectors;  // float32, on the CPU
};

// Atomic. Vectors of any device. Throws elm::Error.
void SaveFlatTensors(const std::string& path, const FlatTensors& tensors);
// Throws elm::Error that names the file: missing, damaged, of another schema.
FlatTensors LoadFlatTensors(const std::string& path);
// The text alone.
nlohmann::json ReadAbout(const std::string& path);

// The vector `name` of `count` elements, or an error that says that `path` does not hold it.
const torch::Tensor& FindVector(const FlatTensors& tensors, const std::string& path,
                                const std::string& name, int64_t count);

}  // namespace elm
