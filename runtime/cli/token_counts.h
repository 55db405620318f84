// Options that are lists of numbers of tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"
#include "runtime/cli/flags.h"

namespace elm {

std::vector<std::string> SplitAtCommas(std::string_view text);

// "64,512": numbers up to what a context can hold, each once, in their order; "0" is an empty list.
Result<std::vector<uint32_t>> ReadTokenCounts(const ParsedFlags& flags, const std::string& name);

}  // namespace elm
