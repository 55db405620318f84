// The GGUF container (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): "GGUF", version,
// counts, key-value pairs, tensor records, then aligned tensor data. Version 1 counts in 32 bits, 2
// and 3 in 64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/checkpoint/gguf_metadata.h"
#include "formats/checkpoint/stored_tensor.h"

namespace elm {

struct GgufFile {
  uint32_t version = 0;
  GgufMetadata metadata;
  std::vector<StoredTensor> tensors;  // by ascending offset; shapes outermost first
};

// Validates the whole container; the tensors' bytes are views into `bytes`. Refused: other
// versions, big-endian files, counts and lengths that the file cannot hold, duplicate keys and
// names, quantised types (by name), an alignment that is no power of two, gaps other than padding,
// overlaps, bytes behind the last tensor. `name` is the file, for messages.
Result<GgufFile> ParseGguf(std::span<const std::byte> bytes, const std::string& name);

// True when `bytes` begin with GGUF's magic number.
bool LooksLikeGguf(std::span<const std::byte> bytes);

}  // namespace elm
