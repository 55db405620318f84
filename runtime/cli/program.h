// The program `elm`, without its process: words in, exit code out.
#pragma once

#include <span>
#include <string>

namespace elm {

// `words` are the arguments behind the program's name. Prints help and results to standard output,
// one line per failure to standard error.
int RunProgram(std::span<const std::string> words);

}  // namespace elm
