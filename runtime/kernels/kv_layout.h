// How one KV head's cache lies in memory, in f16, f32 or 8-bit integers, for `context` positions.
//
// Keys in blocks of 16 positions, transposed: [position / 16][head_dim][position % 16]. So a kernel
// holds the scores of 16 positions in one vector and never sums across lanes. Values row by row:
// [position][head_dim]. Integers have one scale for each position's key and one for its value, in
// floats behind the keys of their block: [16] of keys, [16] of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace elm {

// What keys and values are kept as.
enum class KvType { kF16, kF32, kQ8 };
inline constexpr size_t kKvTypes = 3;
constexpr const char* KvTypeName(KvType type) {
  return type == KvType::kF16 ? "f16" : type == KvType::kF32 ? "f32" : "q8";
}

inline constexpr size_t kKeyBlock = 16;

// Of an element that is a uint16_t (f16), a float or an int8_t (q8).
template <typename Element>
constexpr size_t KeyBlockBytesOf(size_t head_dim) {
  const size_t scales = std::is_same_v<Element, int8_t> ? 2 * kKeyBlock * sizeof(float) : 0;
  return kKeyBlock * head_dim * sizeof(Element) + scales;
}

constexpr size_t KeyBlockBytes(KvType type, size_t head_dim) {
  return type == KvType::kF16   ? KeyBlockBytesOf<uint16_t>(head_dim)
         : type == KvType::kF32 ? KeyBlockBytesOf<float>(head_dim)
                                : KeyBlockBytesOf<int8_t>(head_dim);
}

// Bytes that the keys of `positions` positions take, from the head's first on.
constexpr size_t KeyBytes(KvType type, size_t positions, size_t head_dim) {
  return (positions + kKeyBlock - 1) / kKeyBlock * KeyBlockBytes(type, head_dim);
}
constexpr size_t ValueBytes(KvType type, size_t positions, size_t head_dim) {
  return positions * head_dim * (type == KvType::kF16 ? 2 : type == KvType::kF32 ? 4 : 1);
}

// Query tokens that are attended together, at most.
inline constexpr size_t kAttentionTokens = 8;
// Floats of scratch that one attention task needs.
constexpr size_t AttentionScratch(size_t context) {
  return kAttentionTokens * ((context + kKeyBlock - 1) / kKeyBlock * kKeyBlock);
}

}  // namespace elm
