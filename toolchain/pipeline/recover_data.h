// What recovery trains on in a run: windows of a text, instructions, the built-in world's tasks, or
// text that the model writes itself.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "toolchain/pipeline/run_context.h"
#include "toolchain/training/training_example.h"

namespace elm {

struct RecoveryData {
  std::unique_ptr<ExampleSource> examples;
  std::vector<TrainingExample> validation;  // none of it is among the examples
  std::string description;                  // "1903 windows of given text", for people
  uint64_t tokens = 0;                      // that are different; 0 where examples do not end
};

// The data that options().recover_data names: empty stands for options().data, and nothing at all
// for text that the model generates. Throws elm::Error that names file and reason.
RecoveryData MakeRecoveryData(RunContext& context);

// What plans are tried on before they are recovered in earnest: the same tasks or instructions; of
// text the calibration and held-out windows are enough.
RecoveryData MakeProbeData(RunContext& context);

// Each window as an example: everything behind its first token counts alike.
std::vector<TrainingExample> ExamplesOfWindows(const TokenWindows& windows);

// Everything that decides what MakeRecoveryData() gives, or MakeProbeData() beside the windows.
nlohmann::json RecoveryDataKey(RunContext& context);
nlohmann::json ProbeDataKey(RunContext& context);

}  // namespace elm
