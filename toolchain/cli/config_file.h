// Option files: `--config FILE.toml`, any long flag of a command as a key.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace elm {

// Gives every option of `command` that the command line left alone its value from the file. Throws
// elm::Error that names an unknown key, with a suggestion, or the file when it cannot be read.
// (CLI11 has option files of its own, but reads them for the program only, not for a command.)
void ApplyConfigFile(CLI::App& command, const std::string& path);

}  // namespace elm
