// A request with an SLO as it stands on the command line, alike for `elm run` and `elm explain`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "runtime/cli/flags.h"
#include "runtime/orchestrator/orchestrator.h"

namespace elm {

// --slo, the parts of the prompt, --force, --latency and --no-warm-up.
std::vector<Flag> SloFlags();

// The parts: --system, --instructions and --context are files, in this order whatever the order on
// the command line; one line end at a file's end is dropped. --question is text and must not be
// empty. `generate` is taken as it is.
Result<SloRequest> ReadSloRequest(const ParsedFlags& flags, GenerateOptions generate);

// A whole number from 0 to 2^32 - 1.
Result<uint32_t> ReadCount(const ParsedFlags& flags, const std::string& name, uint32_t otherwise);

// The contents of a prompt's file without the line end at its end.
Result<std::string> ReadPromptFile(const std::string& path);

}  // namespace elm
