#include "toolchain/plan/allocate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

uint32_t HeadsPerUnit(const ModelConfig& config, UnitPolicy policy) {
  return policy == UnitPolicy::kKvGroup ? config.queries_per_kv() : 1;
}

// A choice of totals, judged: a smaller pair is better.
struct Candidate {
  UnitTotals totals;
  double error = std::numeric_limits<double>::infinity();  // |reached - target| in shares
  double imbalance = std::numeric_limits<double>::infinity();

  bool found() const { return std::isfinite(error); }
};

void KeepMoreExact(const Candidate& candidate, Candidate& best) {
  if (std::pair(candidate.error, candidate.imbalance) < std::pair(best.error, best.imbalance)) {
    best = candidate;
  }
}

void KeepMoreEven(const Candidate& candidate, Candidate& best) {
  if (std::pair(candidate.imbalance, candidate.error) < std::pair(best.imbalance, best.error)) {
    best = candidate;
  }
}

}  // namespace

UniformAllocator::UniformAllocator(const ModelConfig& config, UnitPolicy policy,
                                   uint32_t neuron_snap, std::vector<uint32_t> elastic,
                                   const std::vector<std::vector<uint16_t>>& kv_of)
    : config_(config),
      heads_per_unit_(HeadsPerUnit(config, policy)),
      neuron_snap_(neuron_snap),
      elastic_(std::move(elastic)),
      kv_of_(kv_of) {
  // One more unit changes one layer only. With single query heads its cost depends on whether it
  // brings a KV head along, so it is measured, not estimated.
  attention_weights_.push_back(0);
  for (uint64_t total = 0; total < Whole().attention; ++total) {
    const uint32_t layer = elastic_[total % elastic_.size()];
    const uint64_t units = total / elastic_.size();
    const uint64_t before = SliceWeights(config_, SliceOf(layer, units, 0));
    const uint64_t after = SliceWeights(config_, SliceOf(layer, units + 1, 0));
    attention_weights_.push_back(attention_weights_.back() + after - before);
  }
}

UnitTotals UniformAllocator::Whole() const {
  return {elastic_.size() * (config_.query_heads / heads_per_unit_),
          elastic_.size() * CeilDiv(config_.neurons, neuron_snap_)};
}

uint64_t UniformAllocator::ShareOf(uint64_t total, size_t rank) const {
  return total / elastic_.size() + (rank < total % elastic_.size() ? 1 : 0);
}

uint32_t UniformAllocator::NeuronsOf(uint64_t snaps) const {
  return static_cast<uint32_t>(std::min<uint64_t>(snaps * neuron_snap_, config_.neurons));
}

LayerSlice UniformAllocator::SliceOf(uint32_t layer, uint64_t attention_units,
                                     uint64_t snaps) const {
  const auto heads = static_cast<uint32_t>(attention_units * heads_per_unit_);
  return {heads, KvHeadsNeeded(kv_of_[layer], heads), NeuronsOf(snaps)};
}

std::vector<LayerSlice> UniformAllocator::Slices(const UnitTotals& totals) const {
  const LayerSlice whole{config_.query_heads, config_.kv_heads, config_.neurons};
  std::vector<LayerSlice> slices(config_.layers, whole);
  for (size_t rank = 0; rank < elastic_.size(); ++rank) {
    slices[elastic_[rank]] =
        SliceOf(elastic_[rank], ShareOf(totals.attention, rank), ShareOf(totals.neurons, rank));
  }
  return slices;
}

uint64_t UniformAllocator::AllWeights() const {
  return config_.layers *
         SliceWeights(config_, {config_.query_heads, config_.kv_heads, config_.neurons});
}

uint64_t UniformAllocator::AnchorWeights() const {
  return AllWeights() / config_.layers * (config_.layers - elastic_.size());
}

uint64_t UniformAllocator::NeuronWeights(uint64_t snaps) const {
  if (elastic_.empty()) return 0;
  const uint64_t layers_with_more = snaps % elastic_.size();
  const uint64_t less = NeuronsOf(snaps / elastic_.size());
  const uint64_t more = NeuronsOf(snaps / elastic_.size() + 1);
  const uint64_t per_neuron = SliceWeights(config_, {0, 0, 1});
  return per_neuron * (layers_with_more * more + (elastic_.size() - layers_with_more) * less);
}

uint64_t UniformAllocator::Weights(const UnitTotals& totals) const {
  return AnchorWeights() + attention_weights_[totals.attention] + NeuronWeights(totals.neurons);
}

uint64_t UniformAllocator::ClosestSnaps(double weights, uint64_t least) const {
  uint64_t low =
      least;  // the smallest count with at least `weights`, or the largest count there is
  uint64_t high = Whole().neurons;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (static_cast<double>(NeuronWeights(middle)) < weights) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == least) return low;
  const double over = std::abs(static_cast<double>(NeuronWeights(low)) - weights);
  const double under = std::abs(weights - static_cast<double>(NeuronWeights(low - 1)));
  return under <= over ? low - 1 : low;
}

double UniformAllocator::Imbalance(const UnitTotals& totals) const {
  const UnitTotals whole = Whole();
  return std::abs(static_cast<double>(totals.attention) / static_cast<double>(whole.attention) -
                  static_cast<double>(totals.neurons) / static_cast<double>(whole.neurons));
}

UnitTotals UniformAllocator::Solve(double target, const UnitTotals& least) const {
  const UnitTotals whole = Whole();
  if (elastic_.empty()) return whole;
  // Fractions that differ by less than one unit of each kind are equal as far as the units allow.
  const double one_unit =
      1.0 / static_cast<double>(whole.attention) + 1.0 / static_cast<double>(whole.neurons);
  const auto all = static_cast<double>(AllWeights());
  Candidate even;     // the most exact of those that are equal
  Candidate met;      // the most equal of those that meet the target
  Candidate closest;  // the most exact of all
  for (uint64_t attention = least.attention; attention <= whole.attention; ++attention) {
    const auto rest = target - static_cast<double>(Weights({attention, 0}));
    const UnitTotals totals{attention, ClosestSnaps(rest, least.neurons)};
    const double error = std::abs(static_cast<double>(Weights(totals)) - target) / all;
    const Candidate candidate{totals, error, Imbalance(totals)};
    if (candidate.imbalance <= one_unit) KeepMoreExact(candidate, even);
    if (candidate.error <= kLevelTolerance) KeepMoreEven(candidate, met);
    KeepMoreExact(candidate, closest);
  }
  if (even.found() && even.error <= kLevelTolerance) return even.totals;
  return met.found() ? met.totals : closest.totals;
}

}  // namespace elm
