// Proof that the phone computes what the toolchain meant: the runtime on the packed bundle against
// LibTorch on the same (reordered, rounded) weights, at every level.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/token_windows.h"
#include "formats/elm/weight_type.h"
#include "formats/workspace/plan_file.h"
#include "toolchain/model/llama.h"

namespace elm {

struct LevelAgreement {
  uint32_t name_permille = 0;
  double max_logit_difference = 0;  // over all windows, positions and pieces
  double runtime_nll = 0;           // mean next-token loss in nats
  double torch_nll = 0;
};

// `original` is the float32 model in the checkpoint's own order; the bundle stores `weights`. The
// norms stay float32 in both. It is taken by value: a caller who moves it in has two copies in
// memory at the peak, while units are reordered, not three. Throws elm::Error when the bundle
// cannot be opened or the runtime refuses.
std::vector<LevelAgreement> CompareWithRuntime(
    Llama original, const ElasticPlan& plan, WeightType weights, const std::string& bundle_path,
    const TokenWindows& windows,
    const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace elm
