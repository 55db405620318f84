// The same recovery that elastic levels have, for the models of any method.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "toolchain/baselines/baseline.h"
#include "toolchain/model/lora_adapter.h"
#include "toolchain/recover/recover.h"

namespace elm {

// What all of them learn from.
struct RecoveryDiet {
  const Llama& teacher;  // the original model
  const ExampleSource& examples;
  std::span<const TrainingExample> validation;
  std::string data_hash;         // of the examples
  std::string calibration_hash;  // of the text that methods look at
};

// Of each level, the first one that is cut alike: levels that units are too coarse to tell apart
// need one adapter and one evaluation.
std::vector<size_t> FirstAlike(const PrunedModel& pruned);

// One adapter per level, the same for levels that are cut alike; nothing where it did not help.
// Trains what `folder` does not hold yet, all levels on the same batches, and goes on where it was
// interrupted.
std::vector<std::optional<LoraAdapter>> RecoverPruned(const PrunedModel& pruned,
                                                      const RecoveryDiet& diet,
                                                      const RecoverOptions& options,
                                                      const std::string& folder,
                                                      const RecoverHooks& hooks);

}  // namespace elm
