// The commands below `elmc dataset`, one file each.
#pragma once

#include <CLI/CLI.hpp>

namespace elm {

void AddDatasetShow(CLI::App& dataset);
void AddDatasetMake(CLI::App& dataset);

}  // namespace elm
