// What the functions of the Octopus set do, from the Python file that is published with it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace elm {

// First sentence of the docstring of every "def name(...)" in `text`, by name, without its full
// stop. Functions without a docstring are left out.
std::map<std::string, std::string> ParseFunctionDescriptions(std::string_view text);

}  // namespace elm
