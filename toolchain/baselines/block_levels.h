// Levels that leave out whole blocks: attention or MLP of a layer, or both at once.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/model/level_table.h"
#include "toolchain/baselines/baseline.h"

namespace elm {

// What is left out at once.
struct DroppedBlock {
  uint32_t layer = 0;
  bool attention = false;
  bool mlp = false;
};

// The model without the first `count` blocks of `order`.
Level WithoutBlocks(const ModelConfig& config, const std::vector<DroppedBlock>& order, size_t count,
                    uint32_t name);

// How many blocks of `order` to leave out so that the true share comes closest to `name`: at least
// one, and never the whole model; of two equally far ones the fewer.
size_t BlocksToDrop(const ModelConfig& config, const std::vector<DroppedBlock>& order,
                    uint32_t name);

// Layers, the first one to be skipped first, as blocks.
std::vector<DroppedBlock> WholeLayers(const std::vector<uint32_t>& layers);

// The levels of `inputs` by an order of blocks.
PrunedModel DropBlocks(const BaselineInputs& inputs, const std::vector<DroppedBlock>& order);

}  // namespace elm
