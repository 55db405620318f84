// Whether a session's own memory is to be had.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/base/status.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {

// Bytes that new memory could take without pushing others out, as /proc/meminfo says; nothing where
// there is no such file.
std::optional<uint64_t> AvailableMemory();

// kOutOfMemory when KV cache and scratch exceed what is available. Both are touched bit by bit:
// without this check a system that promises more than it has would end the process in mid-answer.
Status CheckFits(const MemoryEstimate& estimate, uint32_t context,
                 std::optional<uint64_t> available);

}  // namespace elm
