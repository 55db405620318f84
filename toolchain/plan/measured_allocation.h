// Allocation by measurement: which units every layer keeps so that the loss, added up over blocks
// that were cut one at a time, is least at each level's cost. Layers that are best left whole come
// out as anchors by themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/workspace/block_losses.h"
#include "toolchain/plan/plan.h"

namespace elm {

// Shares of the weights below which a level is a core.
inline constexpr double kCoreBelow = 0.25;

// The slices of each level, [names][layers], nested. `names` ascend in thousandths of the layers'
// weights and end with 1000. Between measured cuts the loss is taken to be a straight line. A
// knapsack over blocks is solved exactly for one level after the other, each within what its
// neighbour keeps: once from the largest down and once from the smallest up, and the better of the
// two by the sum of predicted losses is returned.
//
// Losses of single cuts add up badly where most of the model goes: a few layers then answer better
// than slivers of all. Levels below kCoreBelow therefore keep units of the layers in `core` alone
// and larger ones are solved around them, from the smallest up. An empty core bounds nothing.
std::vector<std::vector<LayerSlice>> AllocateMeasured(
    const ModelConfig& config, UnitPolicy policy, uint32_t neuron_snap,
    const std::vector<std::vector<uint16_t>>& kv_of, const BlockLosses& losses,
    const std::vector<uint32_t>& core, const std::vector<uint32_t>& names);

}  // namespace elm
