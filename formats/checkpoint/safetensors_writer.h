// Writes the container that safetensors.h reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "formats/base/dtype.h"
#include "formats/base/status.h"

namespace elm {

struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<uint64_t> shape;       // outermost first
  std::span<const std::byte> bytes;  // row-major; as many as type and shape say
};

// Texts that travel in the header, under "__metadata__".
using SafetensorsMetadata = std::map<std::string, std::string>;

// Writes `tensors` in the given order, atomically: the file under `path` is the old one or the
// whole new one. A full disk is noticed before anything is written.
Status WriteSafetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                        const SafetensorsMetadata& metadata = {});

}  // namespace elm
