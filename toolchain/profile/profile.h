// Profiling: how much every unit and every layer matters on calibration text.
//
// One forward and backward pass with activations only: a gate of value 1 stands on every unit's output,
// and |dL/dgate| is the first-order estimate of the loss increase when the unit goes (the XAI delta-loss
// of ElastiLM, |dL/dW * W|, without any weight gradient).
#pragma once

#include <cstddef>
#include <functional>

#include "datasets/token_windows.h"
#include "formats/workspace/scores.h"
#include "toolchain/model/llama.h"

namespace elm {

struct ProfileOptions {
  size_t batch = 4;              // windows per forward pass: bounds the memory
  bool weight_gradient = false;  // also the published artifact's |W * grad|, which needs weight gradients
  bool exact_heads = false;      // also remove every query head and every KV group in turn
};

// Windows finished so far of `total`. Throwing from it stops the profile.
using ProfileProgress = std::function<void(size_t done, size_t total)>;

// Scores of windows [begin, end). Results over disjoint ranges merge into those over their union.
UnitScores ProfileUnits(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                        const ProfileOptions& options, const ProfileProgress& progress = {});

// Loss with each layer skipped in turn, on windows [begin, end).
LayerScores ProfileLayers(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                          const ProfileOptions& options, const ProfileProgress& progress = {});

}  // namespace elm
