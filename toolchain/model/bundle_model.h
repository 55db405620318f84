// The model of a finished .elm file in LibTorch: its own rounded weights, its units in stored
// order.
#pragma once

#include <optional>
#include <vector>

#include "formats/elm/bundle.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/lora_adapter.h"

namespace elm {

// Every level of bundle.levels() can be run on the result. Tensor by tensor, so that beside the
// model there is never more than one. Throws elm::Error that names bundle and tensor when a weight
// is not finite; damage that leaves weights finite is for Bundle::VerifyWeights() to find.
Llama LoadBundleModel(const Bundle& bundle, torch::Device device, torch::Dtype dtype);

// The adapters of the bundle's levels, [levels]; nothing for a level without one. Throws elm::Error
// when a weight is not finite.
std::vector<std::optional<LoraAdapter>> LoadBundleAdapters(const Bundle& bundle,
                                                           torch::Device device,
                                                           torch::Dtype dtype);

}  // namespace elm
