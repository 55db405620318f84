// Next-token loss over windows of text.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "datasets/token_windows.h"
#include "toolchain/model/llama.h"

namespace elm {

struct WindowsLoss {
  double mean = 0;  // nats per token, over all windows; their exponential is the perplexity
  std::vector<double> sequences;  // [windows]: mean next-token loss of each in nats
};

// Windows finished so far of `total`. Throwing from it stops the measurement.
using LossProgress = std::function<void(size_t done, size_t total)>;

// Loss of the model, or of one of its levels, `batch` windows at a time and without gradients. No
// windows: throws elm::Error.
WindowsLoss MeasureLoss(const Llama& model, const TokenWindows& windows,
                        const ForwardOptions& options = {}, size_t batch = 8,
                        const LossProgress& progress = {});

}  // namespace elm
