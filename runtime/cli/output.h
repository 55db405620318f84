// Standard output that reports when nobody listens.
#pragma once

#include <string_view>

#include "formats/base/status.h"

namespace elm {

// Writes all of `text` to standard output at once. A closed pipe or a full disk is a Status: kIo or
// kNoSpace (the program ignores SIGPIPE).
Status WriteOutput(std::string_view text);

}  // namespace elm
