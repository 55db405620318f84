#include "toolchain/trace/baseline_rules.h"

#include <algorithm>
#include <optional>

namespace elm {
namespace {

// The most accurate of the levels that `feasible` admits, the lighter of equals; the lightest level
// of all where it admits none.
template <typename Feasible>
std::pair<size_t, bool> MostAccurate(std::span<const BaselineLevel> levels,
                                     const Feasible& feasible) {
  std::optional<size_t> best;
  size_t lightest = 0;
  for (size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].share < levels[lightest].share) lightest = i;
    if (!feasible(i)) continue;
    const bool better =
        !best || levels[i].accuracy > levels[*best].accuracy ||
        (levels[i].accuracy == levels[*best].accuracy && levels[i].share < levels[*best].share);
    if (better) best = i;
  }
  return {best.value_or(lightest), best.has_value()};
}

}  // namespace

BaselinePick PickLevel(std::span<const BaselineLevel> levels, const ShareLatency& latency,
                       const SloLimits& limits, size_t prompt_tokens, uint32_t output_tokens) {
  const LatencyTable& table = latency.table();
  const double within = 1 - table.margin;
  const auto tokens = static_cast<double>(prompt_tokens);
  const double context = tokens + output_tokens / 2.0;
  const auto ttft = [&](size_t i) {
    return table.switch_ms + latency.Ttft(levels[i].share, tokens);
  };
  const auto tpot = [&](size_t i) { return latency.Tpot(levels[i].share, context); };
  const auto [level, feasible] = MostAccurate(levels, [&](size_t i) {
    if (limits.allow_everything && levels[i].share >= 1) return true;
    return ttft(i) <= within * limits.ttft_ms && tpot(i) <= within * limits.tpot_ms;
  });
  // The whole model is what is loaded where everything is allowed: nothing is switched.
  const bool whole = limits.allow_everything && levels[level].share >= 1;
  return {.level = level,
          .ttft_ms = ttft(level) - (whole ? table.switch_ms : 0),
          .tpot_ms = tpot(level),
          .feasible = feasible};
}

BaselinePick PickPromptAndSparsity(std::span<const BaselineLevel> levels,
                                   std::span<const PairCost> full_model,
                                   std::span<const uint32_t> kept_tokens,
                                   const ShareLatency& latency, const SloLimits& limits,
                                   uint32_t output_tokens) {
  const double within = 1 - latency.table().margin;
  const bool anything = limits.allow_everything;
  std::optional<size_t> fullest;
  for (size_t prompt = 0; prompt < full_model.size(); ++prompt) {
    const bool whole = anything && prompt + 1 == full_model.size();
    if (whole || full_model[prompt].ttft_ms <= within * limits.ttft_ms) fullest = prompt;
  }
  const size_t prompt = fullest.value_or(0);
  const double context = kept_tokens[prompt] + output_tokens / 2.0;
  const auto [level, feasible] = MostAccurate(levels, [&](size_t i) {
    if (anything && levels[i].share >= 1) return true;
    return latency.Tpot(levels[i].share, context) <= within * limits.tpot_ms;
  });
  return {.level = level,
          .prompt = prompt,
          .ttft_ms = full_model[prompt].ttft_ms,
          .tpot_ms = latency.Tpot(levels[level].share, context),
          .feasible = fullest.has_value() && feasible};
}

}  // namespace elm
