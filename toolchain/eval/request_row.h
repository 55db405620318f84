// A scoring request as one row of tokens: the prompt, then its continuations side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "toolchain/eval/scoring_engine.h"

namespace elm {

struct RequestRow {
  // A token of a continuation, and the token of the row that it is predicted at.
  struct Prediction {
    int64_t place;
    uint32_t id;
  };

  std::vector<uint32_t> ids;
  std::vector<int64_t> parents;  // as MakeTokenTree() reads them
  // Of every continuation in turn, token by token.
  std::vector<Prediction> predictions;
  // Only when the request asks for greedy tokens, one more per continuation: in the place of each
  // token, and behind the last.
  std::vector<int64_t> greedy_places;
};

// The last token of a continuation is left out of the row where nobody asks what follows it.
RequestRow MakeRequestRow(const ScoringRequest& request);

}  // namespace elm
