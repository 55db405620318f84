// Proof that the phone computes what the toolchain meant: the runtime on a bundle against LibTorch
// on the weights and adapters that the same bundle stores, at every level.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/elm/weight_type.h"

namespace elm {

struct LevelAgreement {
  uint32_t name_permille = 0;
  double max_logit_difference = 0;  // over all windows, positions and pieces
  double runtime_nll = 0;           // mean next-token loss in nats
  double torch_nll = 0;
};

// What the runtime may differ from exact arithmetic by, for a bundle whose layers are of one type.
struct Tolerance {
  double logit;  // of any
  double nll;    // of a level's mean loss, in nats
};
// The runtime, its keys and values kept in f32, rounds what it multiplies bf16 weights with to bf16
// and what it multiplies integers with to 8 bits per group of inputs; f32 and f16 weights it
// multiplies in float32. About twice what was measured on random ids, where losses are highest,
// over all levels of three models (pack_test prints it with ELM_PRINT_AGREEMENT=1).
Tolerance RuntimeTolerance(WeightType layers);

// Throws elm::Error when the bundle cannot be opened or the runtime refuses.
std::vector<LevelAgreement> CompareWithRuntime(
    const std::string& bundle_path, const TokenWindows& windows,
    const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace elm
