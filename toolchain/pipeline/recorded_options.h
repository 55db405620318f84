// The options of an earlier run, as its manifest keeps them: for commands that go on in a workspace
// without being told everything again.
#pragma once

#include <string>

#include "toolchain/pipeline/prepare_options.h"

namespace elm {

// What NewManifest() adds to ToJson(options): where things lie.
nlohmann::json PathsJson(const PrepareOptions& options);

// Throws elm::Error when the folder is no workspace or its manifest was written by another version.
PrepareOptions RecordedOptions(const std::string& workspace);

}  // namespace elm
