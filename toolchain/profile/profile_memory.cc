#include "toolchain/profile/profile_memory.h"

#include <algorithm>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

// As toolchain/model/attention.cc cuts queries into blocks.
constexpr uint64_t kCachedScores = uint64_t{1} << 19;
constexpr uint64_t kLeastQueries = 32;

// Keys that are copied for blocks of queries, per position.
uint64_t CopiesOfKeys(const ModelConfig& config, uint64_t sequences, uint64_t tokens) {
  const uint64_t scores = sequences * config.query_heads * tokens;
  const uint64_t block = std::max(kLeastQueries, kCachedScores / scores);
  const uint64_t blocks = CeilDiv(tokens, block);
  return (blocks + 1) / 2;
}

}  // namespace

uint64_t ProfileActivationBytes(const ModelConfig& config, uint64_t element, uint64_t sequences,
                                uint64_t tokens) {
  const uint64_t positions = sequences * tokens;
  const uint64_t stream = 2 * 4 * uint64_t{config.width};
  const uint64_t copies = CopiesOfKeys(config, sequences, tokens);
  // Softmax in float32, once more in the model's type where that is another.
  const uint64_t score = element == 4 ? 4 : 4 + element;
  const uint64_t attention =
      element * config.query_width() * (2 + 2 * copies) + score * config.query_heads * tokens / 2;
  const uint64_t neurons = (4 * element + 8) * uint64_t{config.neurons};
  return config.layers * positions * (stream + attention + neurons);
}

}  // namespace elm
