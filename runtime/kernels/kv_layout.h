// How one KV head's cache lies in memory: f16, for `context` positions.
//
// Keys in blocks of 16 positions, transposed: [position / 16][head_dim][position % 16]. So a kernel
// holds the scores of 16 positions in one vector and never sums across lanes. Values row by row:
// [position][head_dim].
#pragma once

#include <cstddef>

namespace elm {

inline constexpr size_t kKeyBlock = 16;

// Halves that the keys of `context` positions take.
constexpr size_t KeyHalves(size_t context, size_t head_dim) {
  return (context + kKeyBlock - 1) / kKeyBlock * kKeyBlock * head_dim;
}
constexpr size_t ValueHalves(size_t context, size_t head_dim) { return context * head_dim; }

// Query tokens that are attended together, at most.
inline constexpr size_t kAttentionTokens = 8;
// Floats of scratch that one attention task needs.
constexpr size_t AttentionScratch(size_t context) {
  return kAttentionTokens * ((context + kKeyBlock - 1) / kKeyBlock * kKeyBlock);
}

}  // namespace elm
