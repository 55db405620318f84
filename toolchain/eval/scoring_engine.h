// Log-probabilities of what may follow a prompt, at a level: the one thing that every measurement
// is made of. Two programs compute it, LibTorch and the runtime, with equal results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "datasets/token_windows.h"

namespace elm {

struct ScoringRequest {
  std::vector<uint32_t> prompt;                      // ids, at least one
  std::vector<std::vector<uint32_t>> continuations;  // each a possible sequel of the prompt
  bool greedy = false;  // also say which token would have come at each place

  // Positions that the longest continuation reaches.
  size_t longest() const;
  // Tokens in all, the prompt counted once.
  size_t tokens() const;
};

// Indices of the requests, those with most tokens first: neighbours are of similar length, what
// memory they take shows at once, and no thread is left with a long one at the end.
std::vector<size_t> LongestFirst(std::span<const ScoringRequest> requests);

struct ContinuationScore {
  // [tokens] of the continuation: the natural logarithm of each one's probability behind the prompt
  // and the tokens before it.
  std::vector<double> log_probabilities;
  // [tokens + 1], only when asked for: the most probable token (the lowest id on a tie) in the
  // place of each of them, and behind the last.
  std::vector<uint32_t> greedy;
};

using RequestScore = std::vector<ContinuationScore>;  // [continuations]

// Pieces of work finished of all; throwing from it stops the measurement.
using ScoringProgress = std::function<void(size_t done, size_t total)>;

// Not thread-safe: an engine uses the threads it was given. Throws elm::Error.
class ScoringEngine {
 public:
  virtual ~ScoringEngine() = default;

  // "runtime" or "libtorch".
  virtual const char* name() const = 0;

  // Whether levels that have an adapter use it from here on; they do at first.
  virtual void UseAdapters(bool /*use*/) {}

  // One score per request, in their order; `level` is a row of the model's level table. A prompt is
  // computed once for all of its continuations. Every request must fit the model's context. Counts
  // requests as progress.
  virtual std::vector<RequestScore> Score(size_t level, std::span<const ScoringRequest> requests,
                                          const ScoringProgress& progress = {}) = 0;

  // Mean next-token loss of each window in nats, [windows]. Counts windows as progress.
  virtual std::vector<double> WindowLosses(size_t level, const TokenWindows& windows,
                                           const ScoringProgress& progress = {}) = 0;
};

}  // namespace elm
