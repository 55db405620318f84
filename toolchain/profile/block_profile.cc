#include "toolchain/profile/block_profile.h"

#include <set>

#include "toolchain/profile/batches.h"

namespace elm {
namespace {

// What attention is cut to, everything left out.
std::vector<uint32_t> HeadCuts(const ModelConfig& config, uint32_t heads_per_unit) {
  const uint32_t units = config.query_heads / heads_per_unit;
  std::set<uint32_t> cuts;
  for (const uint32_t quarter : {0U, 1U, 2U, 3U}) {
    cuts.insert(quarter * units / 4 * heads_per_unit);
  }
  return {cuts.begin(), cuts.end()};
}

std::vector<uint32_t> NeuronCuts(const ModelConfig& config) {
  std::set<uint32_t> cuts;
  for (const uint32_t eighth : {0U, 1U, 2U, 4U, 6U}) cuts.insert(eighth * config.neurons / 8);
  return {cuts.begin(), cuts.end()};
}

// A level that is whole but for one layer.
Level CutOneLayer(const ModelConfig& config, size_t layer, const LayerSlice& slice) {
  Level level{1000, std::vector<LayerSlice>(config.layers,
                                            {config.query_heads, config.kv_heads, config.neurons})};
  level.layers[layer] = slice;
  return level;
}

}  // namespace

BlockLosses ProfileBlocks(const Llama& model, uint32_t heads_per_unit, const TokenWindows& windows,
                          const ProfileOptions& options, const ProfileProgress& progress) {
  const torch::NoGradGuard no_grad;
  const ModelConfig& config = model.config();
  BlockLosses losses;
  for (size_t layer = 0; layer < config.layers; ++layer) {
    losses.heads.emplace_back();
    losses.neurons.emplace_back();
    for (const uint32_t heads : HeadCuts(config, heads_per_unit)) {
      losses.heads[layer].push_back({heads, 0});
    }
    for (const uint32_t neurons : NeuronCuts(config)) losses.neurons[layer].push_back({neurons, 0});
  }
  double whole = 0;
  double sequences = 0;
  ForEachBatch(
      model, windows, 0, windows.count(), options.batch, progress, [&](const torch::Tensor& ids) {
        torch::Tensor stream = model.Embed(ids);
        for (size_t layer = 0; layer < config.layers; ++layer) {
          const auto measure = [&](const LayerSlice& slice) {
            const Level level = CutOneLayer(config, layer, slice);
            const torch::Tensor cut =
                model.RunLayers(stream, layer, config.layers, {.level = &level});
            return SumLosses(Doubles(model.StreamLoss(cut, ids)));
          };
          for (BlockLoss& loss : losses.heads[layer]) {
            loss.increase += measure(
                {loss.kept, KvHeadsNeeded(model.layers[layer].kv_of, loss.kept), config.neurons});
          }
          for (BlockLoss& loss : losses.neurons[layer]) {
            loss.increase += measure({config.query_heads, config.kv_heads, loss.kept});
          }
          stream = model.RunLayers(stream, layer, layer + 1);
        }
        whole += SumLosses(Doubles(model.StreamLoss(stream, ids)));
        sequences += static_cast<double>(ids.size(0));
      });
  for (size_t layer = 0; layer < config.layers; ++layer) {
    for (auto* block : {&losses.heads[layer], &losses.neurons[layer]}) {
      for (BlockLoss& loss : *block) loss.increase = (loss.increase - whole) / sequences;
    }
    losses.heads[layer].push_back({config.query_heads, 0});
    losses.neurons[layer].push_back({config.neurons, 0});
  }
  return losses;
}

}  // namespace elm
