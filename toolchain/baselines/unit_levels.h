// Levels that keep the best units of every layer.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/model/level_table.h"
#include "formats/model/unit_order.h"
#include "formats/workspace/scores.h"
#include "toolchain/baselines/baseline.h"

namespace elm {

// Scores of a method's own, larger is kept longer: of whole KV groups and of neurons. Sums lie in
// the metric kToken; other metrics and single query heads are empty.
UnitScores StartUnitScores(const ModelConfig& config);

// Every layer's whole KV groups and neurons by such scores, best first.
UnitOrder OrderByScores(const ModelConfig& config, const UnitScores& scores);

// A level of `name` whose layers `cut`, ascending, all keep the same part of their KV groups and
// neurons, as close to the name as units allow; other layers are whole. A layer that would keep
// fewer than `least_neurons` neurons but some keeps so many.
Level UniformLevel(const ModelConfig& config, const std::vector<uint32_t>& cut, uint32_t name,
                   uint32_t least_neurons);

// All layers of the model.
std::vector<uint32_t> AllLayers(const ModelConfig& config);

// The model in the order of `scores`, every layer cut alike, at every level of `inputs`.
PrunedModel PruneUniformly(const BaselineInputs& inputs, const UnitScores& scores);

// `neurons`, or `least` where they are fewer but not none.
uint32_t AtLeast(uint32_t neurons, uint32_t least);

}  // namespace elm
