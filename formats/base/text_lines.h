// The lines of a text file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct TextLine {
  size_t number = 0;      // counted from 1
  std::string_view text;  // without its line end
};

// The lines of `text`, which end in "\n" or "\r\n", as views into it; a byte order mark is left
// out, and so is what follows the last line end when it is empty. Refuses what is not UTF-8 with
// "<name>:<line>: ".
Result<std::vector<TextLine>> SplitLines(std::string_view text, const std::string& name);

}  // namespace elm
