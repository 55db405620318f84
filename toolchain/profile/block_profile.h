// Profiling one block at a time: the loss when a layer's attention, or its MLP, keeps a part of its
// units, for several parts.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/workspace/block_losses.h"
#include "toolchain/profile/profile.h"

namespace elm {

// `model` has its units in stored order, most important first. Cuts attention to multiples of
// `heads_per_unit` heads, at about each quarter of them, and the MLP to about each quarter of its
// neurons and an eighth. The layers before the cut one run once for all, so that a cut costs half a
// pass. Counts windows as progress. Throws elm::Error when a loss is not finite.
BlockLosses ProfileBlocks(const Llama& model, uint32_t heads_per_unit, const TokenWindows& windows,
                          const ProfileOptions& options, const ProfileProgress& progress = {});

}  // namespace elm
