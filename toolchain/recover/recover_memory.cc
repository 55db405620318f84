#include "toolchain/recover/recover_memory.h"

#include <algorithm>

#include "formats/elm/adapter_plan.h"

namespace elm {
namespace {

// A window of the usual length, where the softmax of whole rows is kept.
constexpr uint64_t kUsualWindow = 128;

// One position of one layer.
uint64_t LayerBytes(const ModelConfig& config, const LayerSlice& slice, uint64_t element,
                    bool fused) {
  const uint64_t query = uint64_t{slice.query_heads} * config.head_dim;
  const uint64_t key = uint64_t{slice.kv_heads} * config.head_dim;
  uint64_t bytes = 2 * (4 + element) * uint64_t{config.width};
  bytes += element * (query + 2 * key) + element * query;
  bytes += element * 3 * uint64_t{slice.neurons};
  if (fused) return bytes;
  // Rotated queries, and keys and values once for each query head; their softmax in float32.
  bytes += element * 3 * query + 4 * uint64_t{slice.query_heads} * kUsualWindow;
  return bytes + element * uint64_t{slice.neurons};
}

uint64_t MatrixWeights(const ModelConfig& config) {
  return config.layers *
         SliceWeights(config, {config.query_heads, config.kv_heads, config.neurons});
}

// Values of the adapters of a level: 4 bytes each in training, 2 in the file.
uint64_t AdapterValues(const ModelConfig& config, const Level& level, uint32_t rank) {
  uint64_t values = 0;
  for (const AdapterTensor& tensor : PlanAdapter(config, level, rank).tensors) {
    values += tensor.layout.rows * tensor.layout.columns;
  }
  return values;
}

}  // namespace

size_t RecoverWorkers(const ModelConfig& config, bool on_cpu, size_t threads) {
  return on_cpu && config.width <= kNarrowLayers ? threads : 1;
}

uint64_t RecoverActivationBytes(const ModelConfig& config, const Level& level, uint64_t element,
                                bool fused, bool checkpoint_layers, uint64_t positions) {
  uint64_t all = 0;
  uint64_t widest = 0;
  for (const LayerSlice& slice : level.layers) {
    const uint64_t layer = LayerBytes(config, slice, element, fused);
    all += layer;
    widest = std::max(widest, layer);
  }
  if (!checkpoint_layers) return positions * all;
  return positions * (level.layers.size() * (4 + element) * config.width + widest);
}

RecoverMemory EstimateRecoverMemory(const ModelConfig& config, std::span<const Level> levels,
                                    const RecoverOptions& options, const RecoverMachine& machine) {
  const uint64_t element = options.dtype == "bfloat16" ? 2 : 4;
  const uint64_t vocabulary = uint64_t{config.vocab} * config.width;
  RecoverMemory memory;
  if (element != machine.model_element) {
    memory.frozen += (MatrixWeights(config) + vocabulary) * element;
  }
  if (machine.model_element != 4) memory.frozen += vocabulary * 4;  // the embedding
  const uint64_t copies = 4 + options.accumulate;
  std::vector<uint64_t> activations;
  for (const Level& level : levels) {
    memory.adapters += 4 * copies * AdapterValues(config, level, options.rank);
    activations.push_back(RecoverActivationBytes(config, level, element, machine.fused,
                                                 options.checkpoint_layers, options.batch_tokens));
  }
  // The widest levels come first, every one with all micro-batches.
  std::sort(activations.rbegin(), activations.rend());
  for (size_t worker = 0; worker < machine.workers; ++worker) {
    const size_t level = worker / options.accumulate;
    if (level < activations.size()) memory.activations += activations[level];
  }
  const uint64_t rows = options.batch_tokens;
  const LayerSlice whole{config.query_heads, config.kv_heads, config.neurons};
  memory.teacher = options.accumulate * rows * element * config.width +
                   machine.workers * rows * LayerBytes(config, whole, element, machine.fused);
  return memory;
}

}  // namespace elm
