// Text that the model itself writes, for calibration when nobody gives any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "datasets/token_windows.h"
#include "toolchain/model/llama.h"

namespace elm {

// Windows finished so far of `total`. Throwing from it stops the generation.
using GenerateProgress = std::function<void(size_t done, size_t total)>;

// Samples `count` windows of `length` tokens, `bos_id` first, with the model's own probabilities at
// `temperature`; 0 takes the most probable token every time, so that all windows are equal. Nothing
// ends a window: after an end token the model goes on as it was trained to.
//
// Windows are made several at a time with a KV cache. Each has its own random numbers, seeded by
// `seed` and its index, so the same seed gives the same windows on the same machine, thread count
// and device.
TokenWindows GenerateWindows(const Llama& model, size_t count, uint32_t length, uint32_t bos_id,
                             uint64_t seed, double temperature,
                             const GenerateProgress& progress = {});

}  // namespace elm
