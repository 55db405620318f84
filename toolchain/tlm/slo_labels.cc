#include "toolchain/tlm/slo_labels.h"

#include <algorithm>

namespace elm {

std::vector<SloShares> UsualSlos() {
  std::vector<SloShares> slos;
  for (int ttft = 2; ttft <= 10; ++ttft) {
    for (int tpot = 5; tpot <= 10; ++tpot) slos.push_back({ttft / 10.0, tpot / 10.0});
  }
  return slos;
}

Feasibility FeasibleFor(const LabelCube& cube, size_t item, const LatencyTable& table,
                        const SloShares& slo) {
  const LevelGrid grid = {cube.prompt_levels_permille, cube.model_levels_permille};
  const size_t prompts = cube.prompt_levels_permille.size();
  const auto first = cube.kept_tokens.begin() + static_cast<ptrdiff_t>(item * prompts);
  RequestSize size;
  size.full_tokens = cube.full_tokens[item];
  size.kept_tokens.assign(first, first + static_cast<ptrdiff_t>(prompts));
  size.output_tokens = kExpectedOutputTokens;
  const Slo demand = {SloBound{slo.ttft, SloBound::Unit::kShare},
                      SloBound{slo.tpot, SloBound::Unit::kShare}};
  const SloLimits limits = LimitsOf(table, demand, size.full_tokens, size.output_tokens);
  size.reads = !limits.allow_everything;
  size.tlm_tokens = cube.tlm_tokens[item];
  return FindFeasible(table, grid, limits, size);
}

std::optional<size_t> BestFeasible(const Feasibility& feasibility,
                                   const std::vector<double>& accuracy) {
  std::optional<size_t> best;
  for (size_t pair = 0; pair < feasibility.pairs.size(); ++pair) {
    if (!feasibility.pairs[pair].feasible) continue;
    if (!best || accuracy[pair] > accuracy[*best] ||
        (accuracy[pair] == accuracy[*best] && feasibility.Lighter(pair, *best))) {
      best = pair;
    }
  }
  return best;
}

std::optional<SloLabel> LabelOf(const LabelCube& cube, size_t item, const Feasibility& feasibility,
                                const AccuracyGrid& validation) {
  std::optional<size_t> lightest;
  for (size_t pair = 0; pair < feasibility.pairs.size(); ++pair) {
    if (!feasibility.pairs[pair].feasible || !cube.IsRight(item, pair)) continue;
    if (!lightest || feasibility.Lighter(pair, *lightest)) lightest = pair;
  }
  if (lightest) return SloLabel{*lightest, true};
  const std::optional<size_t> best = BestFeasible(feasibility, validation.accuracy);
  if (!best) return std::nullopt;
  return SloLabel{*best, false};
}

}  // namespace elm
