// --threads, alike in all commands that compute.
#pragma once

#include <cstdint>

#include "formats/base/status.h"
#include "runtime/cli/flags.h"

namespace elm {

Flag ThreadsFlag();

// Cores that this process may run on; at least 1.
uint32_t UsableCores();

// One for each core where the flag is absent or 0. More than there are cores is an error.
Result<uint32_t> ReadThreads(const ParsedFlags& flags);

}  // namespace elm
