// Recovery: one adapter per level that wins back what pruning lost, the base frozen.
//
// All chosen levels are trained on the same batches, so that one pass of the teacher (the full
// model, unless another is named) serves them all. The table's levels need not be nested. Training
// stops and goes on exactly: every minute its state is written beside the adapters.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/model/level_table.h"
#include "toolchain/model/llama.h"
#include "toolchain/recover/adapter_file.h"
#include "toolchain/recover/recover_options.h"
#include "toolchain/training/training_example.h"

namespace elm {

class ProcessGroup;

struct RecoverInputs {
  const Llama& model;  // its units in stored order, on options.device
  const LevelTable& levels;
  std::vector<size_t> chosen;     // ascending indices into `levels`, none of them the full level
  const ExampleSource& examples;  // must outlive the training, as must model and levels
  std::span<const TrainingExample> validation;
  std::string model_base;         // hash of the weights and their order, see LevelBase()
  std::string data_hash;          // of what `examples` and `validation` are made from
  std::string folder;             // for adapters and state; made when it is not there
  ProcessGroup* group = nullptr;  // the processes that share the work, or nullptr for this one
  // Whom the levels learn from, with the same vocabulary and head; nullptr: `model`, whole.
  const Llama* teacher = nullptr;
  // What each level adds behind its blocks, [levels.levels][layers], or empty; `model_base` stands
  // for it too.
  std::span<const std::vector<LayerBias>> biases = {};
};

struct RecoverProgress {
  uint64_t tokens = 0;  // predicted so far, by each level
  uint64_t total_tokens = 0;
  double loss = 0;               // of the objective, mean of the levels, since the last report
  double tokens_per_second = 0;  // of all levels together
};

struct RecoverHooks {
  std::function<void(const RecoverProgress&)> report = [](const RecoverProgress&) {};
  std::function<void(const std::string&)> say = [](const std::string&) {};
  // Throws to end the run; its state is written first.
  std::function<void()> throw_if_cancelled = [] {};
};

// Trains what is not yet there and returns a record for each chosen level. Throws elm::Error: a
// rank larger than a slice, a loss that is no longer finite (the level's last good adapter is kept
// as its file when there is one), a state of other options, a disk that is full.
std::vector<AdapterRecord> Recover(const RecoverInputs& inputs, RecoverOptions options,
                                   const RecoverHooks& hooks = {});

}  // namespace elm
