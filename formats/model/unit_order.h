// The order in which a reordered model stores its units: most important first, layer by layer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/tensor_list.h"

namespace elm {

// Each list maps a stored position to the index in the original checkpoint, and is a permutation.
struct LayerOrder {
  std::vector<uint32_t> query_heads;
  std::vector<uint32_t> kv_heads;  // by first use of query_heads
  std::vector<uint32_t> neurons;

  bool operator==(const LayerOrder&) const = default;
};

struct UnitOrder {
  std::vector<LayerOrder> layers;

  bool operator==(const UnitOrder&) const = default;
};

// The order of a model that has not been reordered.
UnitOrder IdentityOrder(const ModelConfig& config);

// The KV heads (original indices) that `query_heads` (original indices) use, by first use.
std::vector<uint32_t> KvHeadsByFirstUse(std::span<const uint32_t> query_heads,
                                        const ModelConfig& config);

// Orders one layer's KV heads by their first use and returns kv_of[stored query head] = stored KV
// head. Needs only order.query_heads.
std::vector<uint16_t> KvOf(const LayerOrder& order, const ModelConfig& config);

// Every list is a permutation of the right length and KV heads come by first use.
Status Validate(const UnitOrder& order, const ModelConfig& config);

// How a tensor's rows or columns move: stored index -> original index. `indices` is empty for
// tensors that never move (embedding, norms, head).
struct TensorPermutation {
  enum class Axis { kRows, kColumns };
  Axis axis = Axis::kRows;
  std::vector<uint32_t> indices;
};
TensorPermutation PermutationOf(const TensorSpec& spec, const UnitOrder& order,
                                const ModelConfig& config);

// target[i, :] = source[indices[i], :] for rows, target[:, i] = source[:, indices[i]] for columns;
// a copy when nothing moves. Both hold spec.rows * spec.columns elements, row-major.
void Permute(const TensorSpec& spec, const TensorPermutation& permutation,
             std::span<const float> source, std::span<float> target);

}  // namespace elm
