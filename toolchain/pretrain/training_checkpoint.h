// What an interrupted run goes on from: one safetensors file with the float32 weights, the
// optimiser's moments and, in the header, everything else.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "toolchain/pretrain/adamw.h"
#include "toolchain/pretrain/trainable_llama.h"
#include "toolchain/training/training_stream.h"

namespace elm {

struct TrainingState {
  nlohmann::json recipe;  // as Recipe(), with the hashes of what was read besides
  StreamPosition position;
  double seconds = 0;     // of training, over all sittings
  nlohmann::json window;  // sums of the row of the curve that is being measured
  nlohmann::json curve = nlohmann::json::array();
};

// "<directory>/checkpoint.safetensors".
std::string CheckpointPath(const std::string& directory);

// Atomic: a failure leaves the checkpoint before it. Throws elm::Error.
void SaveTraining(const std::string& directory, const TrainingState& state,
                  const TrainableLlama& model, AdamW& optimizer);

// The state alone, to look at before a model is made.
TrainingState ReadTrainingState(const std::string& directory);

// Fills weights and moments of the checkpoint that ReadTrainingState() has described.
void LoadTraining(const std::string& directory, TrainableLlama& model, AdamW& optimizer);

}  // namespace elm
