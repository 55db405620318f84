#include "toolchain/eval/scoring_engine.h"

#include <algorithm>
#include <numeric>

namespace elm {

size_t ScoringRequest::longest() const {
  size_t longest = 0;
  for (const auto& continuation : continuations) longest = std::max(longest, continuation.size());
  return prompt.size() + longest;
}

size_t ScoringRequest::tokens() const {
  size_t tokens = prompt.size();
  for (const auto& continuation : continuations) tokens += continuation.size();
  return tokens;
}

std::vector<size_t> LongestFirst(std::span<const ScoringRequest> requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].tokens() > requests[b].tokens(); });
  return order;
}

}  // namespace elm
