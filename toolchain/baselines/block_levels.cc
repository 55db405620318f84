#include "toolchain/baselines/block_levels.h"

#include <cmath>
#include <utility>

#include "toolchain/base/error.h"

namespace elm {

Level WithoutBlocks(const ModelConfig& config, const std::vector<DroppedBlock>& order, size_t count,
                    uint32_t name) {
  Level level{name, FullLevelOnly(config).full().layers};
  for (size_t i = 0; i < count; ++i) {
    LayerSlice& slice = level.layers.at(order[i].layer);
    if (order[i].attention) slice.query_heads = slice.kv_heads = 0;
    if (order[i].mlp) slice.neurons = 0;
  }
  return level;
}

size_t BlocksToDrop(const ModelConfig& config, const std::vector<DroppedBlock>& order,
                    uint32_t name) {
  size_t best = 1;
  double best_distance = 2;
  for (size_t count = 1; count <= order.size(); ++count) {
    const double share = TrueShare(config, WithoutBlocks(config, order, count, name));
    const double distance = std::abs(share - name / 1000.0);
    if (share == 0 || distance >= best_distance - 1e-12) continue;
    best = count;
    best_distance = distance;
  }
  return best;
}

std::vector<DroppedBlock> WholeLayers(const std::vector<uint32_t>& layers) {
  std::vector<DroppedBlock> blocks;
  for (const uint32_t layer : layers) {
    blocks.push_back({.layer = layer, .attention = true, .mlp = true});
  }
  return blocks;
}

PrunedModel DropBlocks(const BaselineInputs& inputs, const std::vector<DroppedBlock>& order) {
  const ModelConfig& config = inputs.model.config();
  if (config.layers < 2) throw Error(InvalidArgument("a model of one layer has none to leave out"));
  PrunedModel pruned{inputs.model, {}};
  for (const uint32_t name : inputs.names) {
    Level level = WithoutBlocks(config, order, BlocksToDrop(config, order, name), name);
    const double share = TrueShare(config, level);
    pruned.levels.push_back({.level = std::move(level), .share = share});
  }
  return pruned;
}

}  // namespace elm
