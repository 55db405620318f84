// Arithmetic on sizes that come from a file: overflow is an answer, never a wrap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace elm {

inline std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<uint64_t> CheckedMul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Product of all extents; 1 for a scalar.
inline std::optional<uint64_t> CheckedProduct(std::span<const uint64_t> extents) {
  uint64_t product = 1;
  for (uint64_t extent : extents) {
    if (__builtin_mul_overflow(product, extent, &product)) return std::nullopt;
  }
  return product;
}

// True when [offset, offset + size) lies inside [0, limit).
inline bool RangeFits(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

// Quotient rounded up and `value` rounded up to a multiple. `divisor` > 0 and the result must fit.
constexpr uint64_t CeilDiv(uint64_t value, uint64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}
constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return CeilDiv(value, alignment) * alignment;
}

}  // namespace elm
