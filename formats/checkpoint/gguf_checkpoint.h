// A Llama-architecture model in a GGUF file.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "formats/base/status.h"
#include "formats/checkpoint/mapped_checkpoint.h"

namespace elm {

// The sources view `bytes`. Query and key rows come out in half-split rotary order: converters of
// this architecture store them in interleaved pairs. `name` is the file, for messages.
Result<CheckpointContents> ParseGgufCheckpoint(std::span<const std::byte> bytes,
                                               const std::string& name);

}  // namespace elm
