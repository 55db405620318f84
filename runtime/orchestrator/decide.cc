#include "runtime/orchestrator/decide.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

namespace elm {
namespace {

std::optional<size_t> IndexOf(const std::vector<uint32_t>& levels, uint32_t permille) {
  const auto found = std::find(levels.begin(), levels.end(), permille);
  if (found == levels.end()) return std::nullopt;
  return static_cast<size_t>(found - levels.begin());
}

// Measured accuracy per pair of `grid`; below zero where nothing was measured.
std::vector<double> AccuracyPerPair(const LevelGrid& grid, const AccuracyGrid& accuracy) {
  std::vector<double> values(grid.pairs(), -1);
  for (size_t p = 0; p < grid.prompt_permille.size(); ++p) {
    const auto row = IndexOf(accuracy.prompt_levels_permille, grid.prompt_permille[p]);
    for (size_t m = 0; row && m < grid.model_permille.size(); ++m) {
      const auto column = IndexOf(accuracy.model_levels_permille, grid.model_permille[m]);
      if (column) values[grid.pair(p, m)] = accuracy.accuracy[accuracy.Index(*row, *column)];
    }
  }
  return values;
}

// The candidate of the highest value, the lightest of equal ones; what is no number is the lowest.
template <typename T>
size_t Best(const Feasibility& feasibility, const std::vector<size_t>& candidates,
            std::span<const T> values) {
  const auto better = [&](size_t a, size_t b) {
    if (values[a] > values[b] || values[b] != values[b]) {
      return values[a] == values[a] || feasibility.Lighter(a, b);
    }
    if (values[b] > values[a] || values[a] != values[a]) return false;
    return feasibility.Lighter(a, b);
  };
  size_t best = candidates.front();
  for (const size_t pair : candidates) {
    if (better(pair, best)) best = pair;
  }
  return best;
}

size_t Largest(const Feasibility& feasibility, const std::vector<size_t>& candidates) {
  const LevelGrid& grid = feasibility.grid;
  return *std::max_element(candidates.begin(), candidates.end(), [&](size_t a, size_t b) {
    return std::pair(grid.model_level(a), grid.prompt_level(a)) <
           std::pair(grid.model_level(b), grid.prompt_level(b));
  });
}

// The highest accuracy where it is known.
size_t MostAccurate(const Feasibility& feasibility, const std::vector<size_t>& candidates,
                    const AccuracyGrid* accuracy) {
  if (accuracy == nullptr) return Largest(feasibility, candidates);
  const std::vector<double> values = AccuracyPerPair(feasibility.grid, *accuracy);
  return Best<double>(feasibility, candidates, values);
}

std::vector<size_t> FeasiblePairs(const Feasibility& feasibility) {
  std::vector<size_t> pairs;
  for (size_t pair = 0; pair < feasibility.pairs.size(); ++pair) {
    if (feasibility.pairs[pair].feasible) pairs.push_back(pair);
  }
  return pairs;
}

std::vector<size_t> NearestMisses(const Feasibility& feasibility) {
  double least = feasibility.Overrun(0);
  for (size_t pair = 1; pair < feasibility.pairs.size(); ++pair) {
    least = std::min(least, feasibility.Overrun(pair));
  }
  std::vector<size_t> pairs;
  for (size_t pair = 0; pair < feasibility.pairs.size(); ++pair) {
    if (feasibility.Overrun(pair) <= (1 + kMissTolerance) * least) pairs.push_back(pair);
  }
  return pairs;
}

Decision Take(const Feasibility& feasibility, size_t pair, DecisionSource source) {
  return {.prompt_level = feasibility.grid.prompt_level(pair),
          .model_level = feasibility.grid.model_level(pair),
          .source = source,
          .feasible = feasibility.pairs[pair].feasible,
          .predicted = feasibility.pairs[pair]};
}

size_t ArgMax(const std::vector<float>& values) {
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace

const char* DecisionSourceName(DecisionSource source) {
  switch (source) {
    case DecisionSource::kEverything:
      return "everything";
    case DecisionSource::kGrid:
      return "grid";
    case DecisionSource::kClassifiers:
      return "classifiers";
    case DecisionSource::kFallback:
      return "fallback";
    case DecisionSource::kAccuracy:
      return "accuracy";
    case DecisionSource::kLargest:
      return "largest";
    case DecisionSource::kNearestMiss:
      return "nearest_miss";
  }
  return "unknown";
}

Decision Decide(const Feasibility& feasibility, const TlmAnswer* answer,
                const AccuracyGrid* accuracy, DecisionKind kind) {
  const LevelGrid& grid = feasibility.grid;
  if (feasibility.limits.allow_everything) {
    return Take(feasibility, grid.full_pair(), DecisionSource::kEverything);
  }
  const std::vector<size_t> feasible = FeasiblePairs(feasibility);
  if (feasible.empty()) {
    const std::vector<size_t> misses = NearestMisses(feasibility);
    return Take(feasibility, MostAccurate(feasibility, misses, accuracy),
                DecisionSource::kNearestMiss);
  }
  const size_t most_accurate = MostAccurate(feasibility, feasible, accuracy);
  if (answer == nullptr) {
    return Take(feasibility, most_accurate,
                accuracy == nullptr ? DecisionSource::kLargest : DecisionSource::kAccuracy);
  }
  if (kind == DecisionKind::kGrid) {
    return Take(feasibility, Best<float>(feasibility, feasible, answer->right),
                DecisionSource::kGrid);
  }
  const size_t wanted = grid.pair(ArgMax(answer->prompt_levels), ArgMax(answer->model_levels));
  if (feasibility.pairs[wanted].feasible) {
    return Take(feasibility, wanted, DecisionSource::kClassifiers);
  }
  return Take(feasibility, most_accurate, DecisionSource::kFallback);
}

}  // namespace elm
