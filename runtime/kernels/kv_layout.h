// How one KV head's cache lies in memory, in f16 or f32, for `context` positions.
//
// Keys in blocks of 16 positions, transposed: [position / 16][head_dim][position % 16]. So a kernel
// holds the scores of 16 positions in one vector and never sums across lanes. Values row by row:
// [position][head_dim].
#pragma once

#include <cstddef>

namespace elm {

// What keys and values are kept as.
enum class KvType { kF16, kF32 };
inline constexpr size_t kKvTypes = 2;
constexpr size_t KvElementSize(KvType type) { return type == KvType::kF16 ? 2 : 4; }

inline constexpr size_t kKeyBlock = 16;

// Elements that the keys of `context` positions take.
constexpr size_t KeyElements(size_t context, size_t head_dim) {
  return (context + kKeyBlock - 1) / kKeyBlock * kKeyBlock * head_dim;
}
constexpr size_t ValueElements(size_t context, size_t head_dim) { return context * head_dim; }

// Query tokens that are attended together, at most.
inline constexpr size_t kAttentionTokens = 8;
// Floats of scratch that one attention task needs.
constexpr size_t AttentionScratch(size_t context) {
  return kAttentionTokens * ((context + kKeyBlock - 1) / kKeyBlock * kKeyBlock);
}

}  // namespace elm
