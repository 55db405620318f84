// The tiny LM that a bundle stores: in LibTorch, and held against the runtime's.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "datasets/task.h"
#include "formats/elm/bundle.h"
#include "toolchain/tlm/torch_tlm.h"

namespace elm {

// With the bundle's own rounded weights. Throws elm::Error when there is none, or a weight is not
// finite.
TorchTlm LoadBundleTlm(const Bundle& bundle);

struct TinyLmAgreement {
  size_t questions = 0;
  // Largest differences of probabilities between the runtime and LibTorch on the same weights.
  double retain = 0;    // of any piece
  double decision = 0;  // of any output of classifiers and grid head
};
// What the runtime may differ by.
inline constexpr double kTinyLmTolerance = 1e-3;

// Throws elm::Error when the runtime refuses.
TinyLmAgreement CompareTinyLm(std::shared_ptr<const Bundle> bundle, std::span<const Task> tasks);

}  // namespace elm
