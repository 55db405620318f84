// Which rounding a model gets: the one that is asked for, or the one with the lowest held-out loss.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/elm/bundle_plan.h"
#include "toolchain/model/llama.h"
#include "toolchain/quantize/quantised_tensors.h"
#include "toolchain/quantize/rounding.h"

namespace elm {

struct RoundingInputs {
  // The model in float32 on the CPU, its units in stored order. Called once per rounding, since
  // rounding replaces its matrices.
  std::function<Llama()> load_model;
  const LevelTable& levels;
  const std::vector<PlannedTensor>& tensors;
  const TokenWindows& calibration;
  const TokenWindows& held_out;
  size_t batch = 8;  // windows per forward pass
};

struct RoundingCandidate {
  Rounding rounding;
  std::vector<double> level_nll;  // [levels], held out, in nats
  double mean_nll = 0;
};

struct ChosenRounding {
  Rounding rounding = Rounding::kLeastError;
  std::vector<RoundingCandidate> candidates;  // those that were measured
  QuantisedTensors tensors;
};

using RoundingProgress = std::function<void(size_t done, size_t total)>;

// Rounds the model as `rounding` says; without one by least error and calibrated, and keeps the one
// whose mean held-out loss over the levels is lower. Memory at the peak: the model, a batch, and
// two bytes per weight. Throws elm::Error.
ChosenRounding ChooseRounding(const RoundingInputs& inputs, std::optional<Rounding> rounding,
                              const RoundingProgress& progress = {});

}  // namespace elm
