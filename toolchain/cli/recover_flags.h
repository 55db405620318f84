// The flags of recovery, for every command that trains adapters.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "toolchain/pipeline/prepare_options.h"

namespace elm {

struct RecoverFlags {
  std::string recovery = "both";
};

// They write to `options` and `flags`, which must outlive the parsing.
void AddRecoverFlags(CLI::App& command, PrepareOptions& options, RecoverFlags& flags);

// Takes over what is a word on the command line. Throws elm::Error.
void ApplyRecoverFlags(const RecoverFlags& flags, PrepareOptions& options);

}  // namespace elm
