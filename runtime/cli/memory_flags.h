// The options about memory that every command with a session takes.
#pragma once

#include "runtime/cli/flags.h"
#include "runtime/include/elm/elm.hpp"

namespace elm {

// --kv and --no-mmap.
Flag KvFlag();
Flag NoMmapFlag();

// The type that --kv names; f16 without it.
Result<KvType> ReadKv(const ParsedFlags& flags);

}  // namespace elm
