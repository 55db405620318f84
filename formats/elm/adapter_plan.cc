#include "formats/elm/adapter_plan.h"

#include "formats/base/checked_math.h"

namespace elm {
namespace {

class Planner {
 public:
  Planner(const ModelConfig& config, uint32_t rank) : config_(config), rank_(rank) {}

  void AddLayer(uint32_t layer, const LayerSlice& slice) {
    const uint64_t query = uint64_t{slice.query_heads} * config_.head_dim;
    const uint64_t kv = uint64_t{slice.kv_heads} * config_.head_dim;
    if (query > 0) {
      Add(AdapterPart::kAttentionA, layer, 3 * uint64_t{rank_}, config_.width);
      Add(AdapterPart::kQueryB, layer, query, rank_);
      Add(AdapterPart::kKeyB, layer, kv, rank_);
      Add(AdapterPart::kValueB, layer, kv, rank_);
      Add(AdapterPart::kOutputA, layer, rank_, query);
      Add(AdapterPart::kOutputB, layer, config_.width, rank_);
    }
    if (slice.neurons > 0) {
      Add(AdapterPart::kMlpA, layer, 2 * uint64_t{rank_}, config_.width);
      Add(AdapterPart::kGateB, layer, slice.neurons, rank_);
      Add(AdapterPart::kUpB, layer, slice.neurons, rank_);
      Add(AdapterPart::kDownA, layer, rank_, slice.neurons);
      Add(AdapterPart::kDownB, layer, config_.width, rank_);
    }
  }

  AdapterPlan Finish() && { return std::move(plan_); }

 private:
  void Add(AdapterPart part, uint32_t layer, uint64_t rows, uint64_t columns) {
    TileLayout layout = OutputMajorLayout(rows, columns, WeightType::kF16);
    // The few columns of a B are one tile wide: no padding.
    if (columns == rank_) layout.tile_columns = rank_;
    const uint64_t size = *layout.StoredBytes(WeightType::kF16);
    plan_.tensors.push_back({part, layer, layout, plan_.size, size});
    plan_.size = AlignUp(plan_.size + size, layout::kTensorAlignment);
  }

  const ModelConfig& config_;
  uint32_t rank_;
  AdapterPlan plan_;
};

}  // namespace

const char* AdapterPartName(AdapterPart part) {
  constexpr const char* kNames[kAdapterParts] = {"attention A", "q B",    "k B",   "v B",
                                                 "o A",         "o B",    "MLP A", "gate B",
                                                 "up B",        "down A", "down B"};
  return kNames[static_cast<size_t>(part)];
}

AdapterPlan PlanAdapter(const ModelConfig& config, const Level& level, uint32_t rank) {
  Planner planner(config, rank);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    planner.AddLayer(layer, level.layers[layer]);
  }
  return std::move(planner).Finish();
}

}  // namespace elm
