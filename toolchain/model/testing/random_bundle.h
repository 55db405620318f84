// Bundles of small models with random weights, for tests that hold the runtime against LibTorch.
#pragma once

#include <memory>
#include <string>

#include "formats/elm/bundle_writer.h"
#include "toolchain/base/error.h"
#include "toolchain/model/testing/random_model.h"

namespace elm {

// Two levels, of which the lower one cuts heads and neurons of all layers, for units in `order`.
inline LevelTable TwoLevels(const ModelConfig& config, const UnitOrder& order) {
  LevelTable table = FullLevelOnly(config);
  Level half;
  half.name_permille = 500;
  const uint32_t heads = config.query_heads / 2;
  for (size_t layer = 0; layer < config.layers; ++layer) {
    table.kv_of[layer] = KvOf(order.layers[layer], config);
    half.layers.push_back(
        {heads, KvHeadsNeeded(table.kv_of[layer], heads), config.neurons / 2 + 1});
  }
  table.levels.insert(table.levels.begin(), half);
  return table;
}

// Writes the checkpoint's weights in `order` and opens the result.
inline std::shared_ptr<const Bundle> WriteRandomBundle(const MemoryCheckpoint& checkpoint,
                                                       const UnitOrder& order, WeightType weights,
                                                       const std::string& path) {
  const ModelConfig& config = checkpoint.config();
  BundleContents contents;
  contents.config = config;
  contents.levels = TwoLevels(config, order);
  contents.weights = weights;
  size_t tensor = 0;
  ThrowIfError(WriteBundle(path, contents, [&](const TensorSpec& spec, std::span<float> values) {
    Permute(spec, PermutationOf(spec, order, config), checkpoint.values[tensor++], values);
    return Status::Ok();
  }));
  return ValueOrThrow(Bundle::Open(path));
}

}  // namespace elm
