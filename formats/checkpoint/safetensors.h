// The safetensors container: u64 length of the header, the header in JSON, then the tensors' bytes
// without gaps (https://github.com/huggingface/safetensors).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/checkpoint/stored_tensor.h"

namespace elm {

// The specification's own cap, in bytes.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

// Validates the whole container and returns its tensors by ascending offset; their bytes are views
// into `bytes`. Refused: a header that is not there or too long, duplicate names, a shape whose
// product overflows or does not fill its offsets, gaps, overlaps, bytes behind the last tensor.
// `name` is the file, for messages.
Result<std::vector<StoredTensor>> ParseSafetensors(std::span<const std::byte> bytes,
                                                   const std::string& name);

// The texts under "__metadata__" of a valid container; none when it has none. Refuses values that
// are no texts.
Result<std::map<std::string, std::string>> ParseSafetensorsMetadata(
    std::span<const std::byte> bytes, const std::string& name);

// True when `bytes` begin as a safetensors file does; to tell it from other forms.
bool LooksLikeSafetensors(std::span<const std::byte> bytes);

}  // namespace elm
