#include "toolchain/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <sstream>

#include "toolchain/plan/allocate.h"
#include "toolchain/plan/anchors.h"
#include "toolchain/plan/measured_allocation.h"

namespace elm {
namespace {

constexpr uint32_t kFullLevel = 1000;

// Four digits: a hundredth of a point.
std::string ShareText(double share) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(4) << share;
  return std::move(out).str();
}

Result<std::vector<uint32_t>> CheckedLevels(std::vector<uint32_t> levels) {
  std::sort(levels.begin(), levels.end());
  if (levels.empty() || levels.back() != kFullLevel) levels.push_back(kFullLevel);
  std::sort(levels.begin(), levels.end());
  if (levels.front() == 0 || levels.back() > kFullLevel) {
    const uint32_t bad = levels.front() == 0 ? 0 : levels.back();
    return InvalidArgument("level ", LevelName(bad), ": expected more than 0 and at most 1.0");
  }
  const auto twice = std::adjacent_find(levels.begin(), levels.end());
  if (twice != levels.end()) {
    return InvalidArgument("level ", LevelName(*twice), " is listed twice");
  }
  if (levels.size() > kMaxLevels) {
    return InvalidArgument(levels.size(), " levels are listed, at most ", kMaxLevels, " fit");
  }
  return levels;
}

Result<std::vector<uint32_t>> CheckedAnchors(const ModelConfig& config, const LayerScores& scores,
                                             const PlanOptions& options) {
  if (!(options.anchor_share >= 0.0 && options.anchor_share < 1.0)) {
    return InvalidArgument("anchor share is ", options.anchor_share,
                           ", expected at least 0 and less than 1");
  }
  if (!options.anchors) return ChooseAnchors(scores, options.anchor_share);
  std::vector<uint32_t> anchors = *options.anchors;
  std::sort(anchors.begin(), anchors.end());
  if (!anchors.empty() && anchors.back() >= config.layers) {
    return InvalidArgument("anchor layer ", anchors.back(), ": the model's layers are 0 to ",
                           config.layers - 1);
  }
  const auto twice = std::adjacent_find(anchors.begin(), anchors.end());
  if (twice != anchors.end()) return InvalidArgument("anchor layer ", *twice, " is listed twice");
  return anchors;
}

Status CheckLayerScores(const ModelConfig& config, const LayerScores& scores) {
  if (scores.skipped_loss_sum.size() != config.layers) {
    return InvalidArgument("layer scores: cover ", scores.skipped_loss_sum.size(),
                           " layers, the model has ", config.layers,
                           "; the scores belong to another model");
  }
  if (scores.sequences == 0) {
    return InvalidArgument("layer scores: were measured on no sequence; profile again");
  }
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    if (!std::isfinite(scores.Importance(layer))) {
      return InvalidArgument("layer scores: layer ", layer, ": importance is ",
                             scores.Importance(layer), ", expected a finite number; profile again");
    }
  }
  return Status::Ok();
}

// The layers that are no anchors, most important first.
std::vector<uint32_t> ElasticLayers(const LayerScores& scores,
                                    const std::vector<uint32_t>& anchors) {
  std::vector<uint32_t> elastic;
  for (uint32_t layer : LayersByImportance(scores)) {
    if (!std::binary_search(anchors.begin(), anchors.end(), layer)) elastic.push_back(layer);
  }
  return elastic;
}

// A requested level and what became of it.
struct Solved {
  Level level;
  LevelReport report;
};

Solved Judge(const ModelConfig& config, uint32_t name, std::vector<LayerSlice> slices) {
  Solved solved;
  solved.level = {name, std::move(slices)};
  solved.report.name_permille = name;
  solved.report.reached_share = TrueShare(config, solved.level);
  solved.report.met = std::abs(solved.report.reached_share - name / 1000.0) <= kLevelTolerance;
  return solved;
}

std::string WhyNotMet(const UniformAllocator& allocator, const LevelReport& report) {
  const auto all = static_cast<double>(allocator.AllWeights());
  const double anchors = static_cast<double>(allocator.AnchorWeights()) / all;
  const std::string reached = StrCat("reaches ", ShareText(report.reached_share), ", not ",
                                     LevelName(report.name_permille), ": ");
  if (anchors > report.name_permille / 1000.0) {
    return StrCat(reached, "the anchor layers alone hold ", ShareText(anchors),
                  " of the weights; use fewer anchors or drop the level");
  }
  const UnitTotals whole = allocator.Whole();
  const double heads = static_cast<double>(allocator.Weights({whole.attention, 0})) / all - anchors;
  const double neurons = static_cast<double>(allocator.Weights({0, whole.neurons})) / all - anchors;
  return StrCat(reached, "the units are too coarse (one attention unit is about ",
                ShareText(heads / static_cast<double>(whole.attention)),
                " of the weights, one step of neurons ",
                ShareText(neurons / static_cast<double>(whole.neurons)), ")");
}

std::vector<Solved> SolveLevels(const ModelConfig& config, const UniformAllocator& allocator,
                                const std::vector<uint32_t>& names) {
  std::vector<Solved> solved;
  UnitTotals totals;
  for (uint32_t name : names) {
    const double target = name / 1000.0;
    totals = name == kFullLevel
                 ? allocator.Whole()
                 : allocator.Solve(target * static_cast<double>(allocator.AllWeights()), totals);
    Solved next = Judge(config, name, allocator.Slices(totals));
    if (!next.report.met) next.report.note = WhyNotMet(allocator, next.report);
    solved.push_back(std::move(next));
  }
  return solved;
}

std::vector<Solved> SolveByMeasurement(const ModelConfig& config, const PlanOptions& options,
                                       uint32_t snap,
                                       const std::vector<std::vector<uint16_t>>& kv_of,
                                       const std::vector<uint32_t>& core,
                                       const std::vector<uint32_t>& names) {
  std::vector<std::vector<LayerSlice>> slices =
      AllocateMeasured(config, options.policy, snap, kv_of, *options.block_losses, core, names);
  std::vector<Solved> solved;
  for (size_t i = 0; i < names.size(); ++i) {
    solved.push_back(Judge(config, names[i], std::move(slices[i])));
    LevelReport& report = solved.back().report;
    if (report.met) continue;
    report.note = StrCat("reaches ", ShareText(report.reached_share), ", not ",
                         LevelName(report.name_permille), ": the units are too coarse");
  }
  return solved;
}

// The layers that even the smallest level leaves whole.
std::vector<uint32_t> WholeLayers(const ModelConfig& config, const Level& smallest) {
  const LayerSlice whole{config.query_heads, config.kv_heads, config.neurons};
  std::vector<uint32_t> layers;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    if (smallest.layers[layer] == whole) layers.push_back(layer);
  }
  return layers;
}

double DistanceFromName(const Solved& solved) {
  return std::abs(solved.report.reached_share - solved.report.name_permille / 1000.0);
}

// Of levels [begin, end) that came out equal, the one whose name tells best what it is stays.
void MergeRun(std::vector<Solved>::iterator begin, std::vector<Solved>::iterator end) {
  const auto kept = std::min_element(begin, end, [](const Solved& a, const Solved& b) {
    return DistanceFromName(a) < DistanceFromName(b);
  });
  for (auto level = begin; level != end; ++level) {
    if (level == kept) continue;
    level->report.merged = true;
    level->report.note = StrCat(level->report.note, level->report.note.empty() ? "" : "; ",
                                "came out equal to level ", LevelName(kept->level.name_permille),
                                " and was merged with it");
  }
}

// Levels are nested, so equal ones are neighbours.
void MergeEqualLevels(std::vector<Solved>& solved) {
  for (auto begin = solved.begin(); begin != solved.end();) {
    const auto end = std::find_if(begin, solved.end(), [&](const Solved& other) {
      return other.level.layers != begin->level.layers;
    });
    MergeRun(begin, end);
    begin = end;
  }
}

}  // namespace

uint32_t DefaultNeuronSnap(uint32_t neurons) {
  constexpr uint32_t kSmallest = 32;
  constexpr uint32_t kLargest = 128;
  constexpr uint32_t kFewestSteps = 32;
  uint32_t snap = kSmallest;
  while (snap < kLargest && neurons % (2 * snap) == 0 && neurons / (2 * snap) >= kFewestSteps) {
    snap *= 2;
  }
  return snap;
}

Result<PlanResult> MakePlan(const ModelConfig& config, const UnitScores& unit_scores,
                            const LayerScores& layer_scores, const PlanOptions& options) {
  ELM_RETURN_IF_ERROR(Validate(config));
  if (options.neuron_snap == 0U) return InvalidArgument("neuron snap is 0, expected at least 1");
  ELM_ASSIGN_OR_RETURN(const std::vector<uint32_t> names, CheckedLevels(options.levels));
  ELM_RETURN_IF_ERROR(CheckLayerScores(config, layer_scores));

  PlanResult result;
  ElasticPlan& plan = result.plan;
  ELM_ASSIGN_OR_RETURN(plan.levels.anchors, CheckedAnchors(config, layer_scores, options));
  ELM_ASSIGN_OR_RETURN(plan.order, OrderUnits(config, unit_scores, options));
  for (const LayerOrder& layer : plan.order.layers) {
    plan.levels.kv_of.push_back(KvOf(layer, config));
  }
  const uint32_t snap = options.neuron_snap.value_or(DefaultNeuronSnap(config.neurons));
  std::vector<Solved> solved;
  if (options.block_losses != nullptr) {
    solved = SolveByMeasurement(config, options, snap, plan.levels.kv_of,
                                ChooseAnchors(layer_scores, options.core_share), names);
    plan.levels.anchors = WholeLayers(config, solved.front().level);
  } else {
    const UniformAllocator allocator(config, options.policy, snap,
                                     ElasticLayers(layer_scores, plan.levels.anchors),
                                     plan.levels.kv_of);
    solved = SolveLevels(config, allocator, names);
  }
  MergeEqualLevels(solved);
  for (Solved& level : solved) {
    if (!level.report.merged) plan.levels.levels.push_back(std::move(level.level));
    result.reports.push_back(std::move(level.report));
  }
  const Status valid = Validate(plan.levels, config);
  if (!valid.ok()) return Internal("the planned level table is invalid: ", valid.message());
  return result;
}

}  // namespace elm
