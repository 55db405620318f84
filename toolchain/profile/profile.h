// Profiling: how much every unit and every layer matters on calibration text.
//
// One forward and backward pass with activations only: a gate of value 1 stands on every unit's
// output at every position, and its gradient is the first-order estimate of the loss increase when
// the unit goes (the XAI delta-loss of ElastiLM, |dL/dW * W|, without any weight gradient).
// ScoreMetric defines what is made of these gradients. What order sums and absolute values come in
// decides: averaging gradients over the batch before taking the absolute value lets sequences
// cancel and ranks heads badly.
//
// All sums are taken in float64, sequence by sequence in the order of the windows.
#pragma once

#include <cstddef>
#include <functional>

#include "datasets/token_windows.h"
#include "formats/workspace/scores.h"
#include "toolchain/model/llama.h"

namespace elm {

struct ProfileOptions {
  size_t batch = 4;  // windows per forward pass: bounds the memory
  // Also the published artifact's |W * dL/dW|, L one sequence's loss: one pass per sequence, and
  // memory for the gradients of all layers' weights. A query head's matrices are its rows of W_q
  // and columns of W_o; a KV group's are those of its query heads and its rows of W_k and W_v.
  bool weight_gradient = false;
  // Also remove every query head and every KV group in turn: one pass over the layers behind for
  // each.
  bool exact_heads = false;
};

// Windows finished so far of `total`. Throwing from it stops the profile.
using ProfileProgress = std::function<void(size_t done, size_t total)>;

// Scores of windows [begin, end), at least one, with units in the model's own order. Results over
// disjoint ranges merge into those over their union. Throws elm::Error when a loss is not finite.
UnitScores ProfileUnits(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                        const ProfileOptions& options, const ProfileProgress& progress = {});

// The sum over every unit's weights of |W * dL/dW|, L the mean loss of all windows, at least one:
// the element-wise importance of LLM-Pruner (Ma et al. 2023). Unlike ScoreMetric::kWeightGradient
// it lets sequences cancel. Memory for the gradients of all layers' weights. Counts windows as
// progress.
MetricSums ProfileWeightGradient(const Llama& model, const TokenWindows& windows,
                                 const ProfileOptions& options,
                                 const ProfileProgress& progress = {});

// Loss with each layer skipped in turn, on windows [begin, end), at least one. The layers before
// the skipped one run once for all, so the cost is about half a pass per layer.
LayerScores ProfileLayers(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                          const ProfileOptions& options, const ProfileProgress& progress = {});

}  // namespace elm
