// Names from untrusted files in messages.
#pragma once

#include <string>
#include <string_view>

namespace elm {

// `text` in quotes, fit for one line: control characters, bytes outside ASCII, quotes and
// backslashes become "\xNN", and what goes beyond 80 characters becomes "...".
std::string Printable(std::string_view text);

}  // namespace elm
