// The commands below `elmc trace`, one file each.
#pragma once

#include <CLI/CLI.hpp>

namespace elm {

void AddTraceMake(CLI::App& trace);
void AddTraceRun(CLI::App& trace);

}  // namespace elm
