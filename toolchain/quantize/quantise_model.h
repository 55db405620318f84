// All matrices of a model rounded with calibration text, layer by layer: each layer sees inputs
// that the rounded layers before it make.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/elm/bundle_plan.h"
#include "toolchain/model/llama.h"
#include "toolchain/quantize/calibrated_rounding.h"
#include "toolchain/quantize/quantised_tensors.h"

namespace elm {

struct QuantiseModelOptions {
  CalibratedRoundingOptions rounding;
  size_t batch = 8;  // windows per forward pass
  // Levels whose inputs count, spread evenly over the table, the lowest and the full one among
  // them. Each costs three forward passes over the calibration windows.
  size_t most_levels = 9;
};

// `model` is in stored order, float32, on the CPU; its matrices become what the integers stand for.
// Only the matrices that `tensors` plan as quantised are rounded. Throws elm::Error.
QuantisedTensors QuantiseModel(Llama& model, const LevelTable& levels,
                               const std::vector<PlannedTensor>& tensors,
                               const TokenWindows& calibration, const QuantiseModelOptions& options,
                               const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace elm
