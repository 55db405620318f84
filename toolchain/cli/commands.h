// The commands of `elmc`, one file each. Every function adds its command to `app`; its callback
// runs when the command line names it, and throws elm::Error.
#pragma once

#include <CLI/CLI.hpp>

namespace elm {

void AddBaselinesCommand(CLI::App& app);
void AddCompareCommand(CLI::App& app);
void AddPrepareCommand(CLI::App& app);
void AddPretrainCommand(CLI::App& app);
void AddInspectCommand(CLI::App& app);
void AddVerifyCommand(CLI::App& app);
void AddDatasetCommand(CLI::App& app);
void AddDumpCommand(CLI::App& app);
void AddEvalCommand(CLI::App& app);
void AddQuantizeCommand(CLI::App& app);
void AddRecoverCommand(CLI::App& app);
void AddReportCommand(CLI::App& app);
void AddScoresCommand(CLI::App& app);
void AddSynthCommand(CLI::App& app);
void AddTlmCommand(CLI::App& app);
void AddTraceCommand(CLI::App& app);

}  // namespace elm
