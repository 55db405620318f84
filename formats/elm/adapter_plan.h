// The adapter of one level (LoRA, Hu et al. 2021): which small matrices it has and where they lie.
//
// Every product y = W x of the level gains scale * B (A x). A and B are f16 in the kernels' tiles,
// cut to the level: A reads the inputs that the level keeps, B writes the outputs that it keeps.
// The A of products with the same input stand in one matrix, one below the other.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/elm/tile_layout.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"

namespace elm {

enum class AdapterPart : uint8_t {
  kAttentionA,  // [3 rank, width]: of q, k, v
  kQueryB,      // [kept query heads * head_dim, rank]
  kKeyB,        // [kept KV heads * head_dim, rank]
  kValueB,      // [kept KV heads * head_dim, rank]
  kOutputA,     // [rank, kept query heads * head_dim]
  kOutputB,     // [width, rank]
  kMlpA,        // [2 rank, width]: of gate, up
  kGateB,       // [kept neurons, rank]
  kUpB,         // [kept neurons, rank]
  kDownA,       // [rank, kept neurons]
  kDownB,       // [width, rank]
};
inline constexpr size_t kAdapterParts = static_cast<size_t>(AdapterPart::kDownB) + 1;

// "attention A", "q B", ...
const char* AdapterPartName(AdapterPart part);

struct AdapterTensor {
  AdapterPart part;
  uint32_t layer;
  TileLayout layout;  // f16, output-major
  uint64_t offset;    // bytes from the adapter's first
  uint64_t size;      // bytes
};

struct AdapterPlan {
  std::vector<AdapterTensor> tensors;  // layer by layer, in the order of AdapterPart; none of a
                                       // block that the level skips
  uint64_t size = 0;                   // bytes, a multiple of layout::kTensorAlignment
};

// The level is valid and 1 <= rank <= layout::kMaxAdapterRank: nothing can overflow.
AdapterPlan PlanAdapter(const ModelConfig& config, const Level& level, uint32_t rank);

}  // namespace elm
