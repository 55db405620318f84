// Uniform allocation: how many units every layer keeps for a target share of the weights.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "toolchain/plan/plan.h"

namespace elm {

// How many units all elastic layers keep together. They are dealt to the layers in turn, most
// important layer first, so counts of neighbouring layers differ by one at most and no layer's
// count falls when a total grows.
struct UnitTotals {
  uint64_t attention = 0;  // KV groups or query heads, by the policy
  uint64_t neurons = 0;    // snaps of neurons

  bool operator==(const UnitTotals&) const = default;
};

class UniformAllocator {
 public:
  // `elastic` are the layers that are no anchors, most important first; `kv_of` is the level
  // table's.
  UniformAllocator(const ModelConfig& config, UnitPolicy policy, uint32_t neuron_snap,
                   std::vector<uint32_t> elastic, const std::vector<std::vector<uint16_t>>& kv_of);

  // The totals of everything.
  UnitTotals Whole() const;

  // At least `least` of each kind, the reached share as close to `target` as the units allow while
  // heads and neurons keep the same fraction. `target` in weights of all layers, anchors included.
  UnitTotals Solve(double target, const UnitTotals& least) const;

  // What every layer keeps; anchors are whole.
  std::vector<LayerSlice> Slices(const UnitTotals& totals) const;

  // In weights, see SliceWeights().
  uint64_t AllWeights() const;
  uint64_t AnchorWeights() const;
  uint64_t Weights(const UnitTotals& totals) const;

 private:
  // The k-th layer's part of `total` dealt in turn.
  uint64_t ShareOf(uint64_t total, size_t rank) const;
  uint32_t NeuronsOf(uint64_t snaps) const;
  LayerSlice SliceOf(uint32_t layer, uint64_t attention_units, uint64_t snaps) const;
  uint64_t NeuronWeights(uint64_t snaps) const;
  // The number of snaps, `least` or more, whose weights come closest to `weights`.
  uint64_t ClosestSnaps(double weights, uint64_t least) const;
  // |fraction of attention units - fraction of neurons|.
  double Imbalance(const UnitTotals& totals) const;

  const ModelConfig config_;
  const uint32_t heads_per_unit_;
  const uint32_t neuron_snap_;
  const std::vector<uint32_t> elastic_;
  const std::vector<std::vector<uint16_t>>& kv_of_;
  std::vector<uint64_t> attention_weights_;  // [attention units of all elastic layers + 1]
};

}  // namespace elm
