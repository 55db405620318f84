#include "runtime/orchestrator/feasibility.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "runtime/tlm/compress.h"

namespace elm {
namespace {

// One bound: its limit in ms, as a share, and whether the full model meets it by definition.
struct Limit {
  double ms = std::numeric_limits<double>::infinity();
  double share = 1;
  bool allows_full = true;
  bool by_definition = true;  // it does so whatever the full model takes today
};

Limit LimitOf(const std::optional<SloBound>& bound, double full_ms, double drift, double margin) {
  if (!bound) return {};
  Limit limit;
  if (bound->unit == SloBound::Unit::kShare) {
    limit.ms = bound->value * full_ms;
    limit.share = bound->value;
    limit.allows_full = bound->value >= 1;
    limit.by_definition = limit.allows_full;
  } else {
    limit.ms = bound->value;
    limit.share = bound->value / full_ms;
    limit.allows_full = (1 - margin) * limit.share >= std::max(1.0, drift);
    limit.by_definition = false;
  }
  return limit;
}

constexpr PairCost kImpossible = {.ttft_ms = std::numeric_limits<double>::infinity(),
                                  .tpot_ms = std::numeric_limits<double>::infinity(),
                                  .feasible = false};

double HalfWay(double tokens, uint32_t output_tokens) {
  return tokens + static_cast<double>(output_tokens) / 2;
}

Status ValidateLevels(const char* kind, const std::vector<uint32_t>& levels) {
  const auto unordered = std::adjacent_find(levels.begin(), levels.end(), std::greater_equal<>());
  if (!levels.empty() && unordered == levels.end() && levels.front() > 0 && levels.back() == 1000) {
    return Status::Ok();
  }
  return InvalidArgument(kind, " levels must ascend and end with 1.0");
}

}  // namespace

std::vector<uint32_t> UsualPromptLevels() {
  return {100, 200, 300, 400, 500, 600, 700, 800, 900, 1000};
}

Status Validate(const LevelGrid& grid) {
  ELM_RETURN_IF_ERROR(ValidateLevels("prompt", grid.prompt_permille));
  return ValidateLevels("model", grid.model_permille);
}

std::vector<uint32_t> KeptTokens(std::span<const uint32_t> prompt_permille, size_t full_tokens,
                                 size_t protected_tokens) {
  std::vector<uint32_t> kept;
  for (const uint32_t permille : prompt_permille) {
    kept.push_back(static_cast<uint32_t>(
        std::max(PromptBudget(permille, full_tokens), std::min(protected_tokens, full_tokens))));
  }
  return kept;
}

SloLimits LimitsOf(const LatencyTable& table, const Slo& slo, size_t full_tokens,
                   uint32_t output_tokens, const LatencyDrift& drift) {
  const size_t full = table.level_permille.size() - 1;
  const auto tokens = static_cast<double>(full_tokens);
  const Limit ttft = LimitOf(slo.ttft, table.Ttft(full, tokens), drift.ttft, table.margin);
  const Limit tpot =
      LimitOf(slo.tpot, table.Tpot(full, HalfWay(tokens, output_tokens)), drift.tpot, table.margin);
  return {.ttft_ms = ttft.ms,
          .tpot_ms = tpot.ms,
          .ttft_share = ttft.share,
          .tpot_share = tpot.share,
          .allow_everything = ttft.allows_full && tpot.allows_full,
          .met_by_definition = ttft.by_definition && tpot.by_definition};
}

bool Feasibility::any() const {
  return std::any_of(pairs.begin(), pairs.end(),
                     [](const PairCost& cost) { return cost.feasible; });
}

bool Feasibility::Lighter(size_t a, size_t b) const {
  const auto key = [this](size_t pair) {
    return std::tuple(pairs[pair].ttft_ms, pairs[pair].tpot_ms, grid.model_level(pair),
                      -static_cast<ptrdiff_t>(grid.prompt_level(pair)));
  };
  return key(a) < key(b);
}

double Feasibility::Overrun(size_t pair) const {
  const PairCost& cost = pairs[pair];
  if (std::isinf(cost.ttft_ms)) return cost.ttft_ms;
  return std::max({1.0, cost.ttft_ms / limits.ttft_ms, cost.tpot_ms / limits.tpot_ms});
}

Feasibility FindFeasible(const LatencyTable& table, const LevelGrid& grid, const SloLimits& limits,
                         const RequestSize& size, const LatencyDrift& drift) {
  double before = drift.ttft * table.switch_ms;
  if (size.reads) {
    before += size.tlm_ms.value_or(drift.tlm * table.Tlm(static_cast<double>(size.tlm_tokens)));
    before += drift.ttft * table.selection_ms_per_kilotoken *
              static_cast<double>(size.full_tokens) / 1000;
  }
  Feasibility result{.grid = grid, .limits = limits, .margin = table.margin, .pairs = {}};
  for (const uint32_t kept_tokens : size.kept_tokens) {
    const bool fits = size.context == 0 || kept_tokens < size.context;
    const auto kept = static_cast<double>(kept_tokens);
    for (const uint32_t permille : grid.model_permille) {
      const size_t level = table.NearestLevel(permille);
      PairCost& cost = result.pairs.emplace_back(kImpossible);
      if (!fits) continue;
      cost.ttft_ms = before + drift.ttft * table.Ttft(level, kept);
      cost.tpot_ms = drift.tpot * table.Tpot(level, HalfWay(kept, size.output_tokens));
      cost.feasible = cost.ttft_ms <= (1 - table.margin) * limits.ttft_ms &&
                      cost.tpot_ms <= (1 - table.margin) * limits.tpot_ms;
    }
  }
  if (limits.allow_everything) result.pairs.back().feasible = true;
  return result;
}

}  // namespace elm
