// From scores to an elastic plan: anchor layers, the order of units, the level table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/status.h"
#include "formats/model/level_table.h"
#include "formats/model/model_config.h"
#include "formats/model/unit_order.h"
#include "formats/workspace/block_losses.h"
#include "formats/workspace/plan_file.h"
#include "formats/workspace/scores.h"

namespace elm {

// What attention is cut by.
enum class UnitPolicy {
  kKvGroup,    // a KV head with all its query heads (the published way)
  kQueryHead,  // a single query head; a KV head stays while any kept query head reads it
};
const char* UnitPolicyName(UnitPolicy policy);  // "kv-group", "query-head"
std::optional<UnitPolicy> ParseUnitPolicy(std::string_view name);

// How many units each layer keeps.
enum class Allocation {
  kUniform,   // the same part of every layer but the anchors
  kMeasured,  // AllocateMeasured()
  kCore,      // the same, but the smallest levels are cores, see AllocateMeasured()
};
const char* AllocationName(Allocation allocation);  // "uniform", "measured", "core"
std::optional<Allocation> ParseAllocation(std::string_view name);

// The share of the layers, the most important ones, that a core consists of.
inline constexpr double kCoreShare = 1.0 / 3;

struct PlanOptions {
  // Targets in thousandths of the layers' weights, ascending; 1000 is added when missing.
  std::vector<uint32_t> levels = {200, 300, 400, 500, 600, 700, 800, 900, 1000};
  double anchor_share = 0.2;  // floor(share * layers) most important layers stay whole
  std::optional<std::vector<uint32_t>> anchors;  // or exactly these
  UnitPolicy policy = UnitPolicy::kKvGroup;
  ScoreMetric metric = ScoreMetric::kToken;
  // Neuron counts are multiples of it, or all of them. Empty: DefaultNeuronSnap().
  std::optional<uint32_t> neuron_snap;
  // Measured on the model in the order that these options give: allocate by AllocateMeasured()
  // instead of uniformly, whatever anchors are asked for.
  const BlockLosses* block_losses = nullptr;
  // With block_losses: the share of the layers in the core; 0: no core.
  double core_share = 0;
};

// 32, the smallest group of inputs that a quantised matrix can share a scale among, and the
// doubles of it up to 128 as long as they divide the neurons and leave at least 32 steps: where
// neurons are many, a coarser snap costs no level its target and lets `down` have long groups.
uint32_t DefaultNeuronSnap(uint32_t neurons);

// A level is met when its true share is within one point of its name.
inline constexpr double kLevelTolerance = 0.01;

// What a level really became.
struct LevelReport {
  uint32_t name_permille = 0;
  double reached_share = 0;  // true share
  bool met = false;          // within one point (0.01) of the target
  bool merged = false;       // came out equal to a neighbour and was dropped from the table
  std::string note;          // why it is not met, or what it was merged with; else empty
};

struct PlanResult {
  ElasticPlan plan;
  std::vector<LevelReport> reports;  // one per requested level, in order
};

// The layers that stay whole, ascending: those whose skipping costs most.
std::vector<uint32_t> ChooseAnchors(const LayerScores& scores, double share);

// Sorts every layer's units by score, most important first; ties keep the original order. KV heads
// come by first use. With kKvGroup whole groups move, with kQueryHead single query heads do.
Result<UnitOrder> OrderUnits(const ModelConfig& config, const UnitScores& scores,
                             const PlanOptions& options);

// Uniform allocation: every layer that is no anchor keeps the same fraction of its units, up to one
// unit (or one snap of neurons), with the remainder going to the most important layers first;
// nested from level to level; the reached true share as close to the target as the units allow.
// With options.block_losses the measured or the core allocation instead, whose anchors are the
// layers that it leaves whole everywhere.
Result<PlanResult> MakePlan(const ModelConfig& config, const UnitScores& unit_scores,
                            const LayerScores& layer_scores, const PlanOptions& options);

}  // namespace elm
