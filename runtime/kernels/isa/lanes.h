// Sixteen floats side by side, as many as a tile has outputs. The compiler maps them to whatever
// vector registers the target has.
//
// Everything in isa/ is compiled once for each instruction set, with other compiler flags each
// time: functions are always inlined and templates take the instruction set as a parameter of its
// own, so that no linker can mix up two copies.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define ELM_INLINE inline __attribute__((always_inline))

// Before the body of a lambda.
#define ELM_INLINE_LAMBDA __attribute__((always_inline))

namespace elm {

// body(0), body(1), ... with the numbers as constants of the program, not of a loop: compilers keep
// arrays of vectors in registers only where every index is known before they look at loops.
template <typename Body, size_t... kIndices>
ELM_INLINE void UnrolledOver(const Body& body, std::index_sequence<kIndices...>) {
  (body(std::integral_constant<size_t, kIndices>()), ...);
}
template <size_t kCount, typename Body>
ELM_INLINE void Unrolled(const Body& body) {
  UnrolledOver(body, std::make_index_sequence<kCount>());
}

inline constexpr size_t kLanes = 16;

// Ends the life of a sum in a loop. What follows the loop works on a copy, so that a compiler that
// runs out of registers there does not spill the sum inside the loop (GCC does).
template <typename Sum>
ELM_INLINE void KeepInRegister([[maybe_unused]] Sum& sum) {
#if defined(__AVX512F__)
  asm("" : "+v"(sum));
#endif
}

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t LaneInts __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef int8_t LaneBytes __attribute__((vector_size(kLanes)));
typedef uint32_t LaneBits __attribute__((vector_size(kLanes * sizeof(uint32_t))));
typedef uint16_t LaneHalves __attribute__((vector_size(kLanes * sizeof(uint16_t))));

// Results go through a reference: passing vectors by value would change the calling convention
// between instruction sets.
ELM_INLINE void LoadLanes(const float* source, Lanes& lanes) {
  std::memcpy(&lanes, source, sizeof(lanes));
}

// The first `count` of them, zeros behind.
ELM_INLINE void LoadSomeLanes(const float* source, size_t count, Lanes& lanes) {
  lanes = Lanes{};
  std::memcpy(&lanes, source, count * sizeof(float));
}

ELM_INLINE void StoreLanes(const Lanes& lanes, float* target) {
  std::memcpy(target, &lanes, sizeof(lanes));
}

ELM_INLINE void StoreSomeLanes(const Lanes& lanes, size_t count, float* target) {
  std::memcpy(target, &lanes, count * sizeof(float));
}

ELM_INLINE float SumOf(const Lanes& lanes) {
  float sum = 0;
  for (size_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

ELM_INLINE float LargestOf(const Lanes& lanes) {
  float largest = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
}

// Sixteen bf16 or f16 numbers as floats; f16 as F16ToFloat() of formats/base/dtype.h.
ELM_INLINE void WidenBf16(const uint16_t* source, Lanes& lanes) {
  LaneHalves halves;
  std::memcpy(&halves, source, sizeof(halves));
  lanes = (Lanes)(__builtin_convertvector(halves, LaneBits) << 16);
}

ELM_INLINE void WidenF16Portably(const uint16_t* source, Lanes& lanes) {
  LaneHalves halves;
  std::memcpy(&halves, source, sizeof(halves));
  const LaneBits half = __builtin_convertvector(halves, LaneBits);
  const LaneBits magnitude = (half & 0x7fffU) << 13;
  const Lanes scaled = (Lanes)magnitude * std::bit_cast<float>(0x77800000U);  // 2^112
  const LaneBits infinite = (LaneBits)(magnitude >= 0x0f800000U) & 0x7f800000U;
  lanes = (Lanes)((LaneBits)scaled | infinite | ((half & 0x8000U) << 16));
}

// Rounds to nearest, ties to even; too large becomes infinity.
ELM_INLINE void NarrowToF16Portably(const Lanes& lanes, uint16_t* target) {
  const LaneBits bits = (LaneBits)lanes;
  const LaneBits magnitude = bits & 0x7fffffffU;
  const LaneBits rebiased = magnitude - 0x38000000U;
  const LaneBits normal = (rebiased + 0x0fffU + ((rebiased >> 13) & 1U)) >> 13;
  // Subnormal: adding 0.5 aligns the last place with 2^-24 and rounds.
  const LaneBits small = (LaneBits)((Lanes)magnitude + 0.5F) - 0x3f000000U;
  const LaneBits is_small = (LaneBits)(magnitude < 0x38800000U);
  const LaneBits is_large = (LaneBits)(magnitude >= 0x477ff000U);
  const LaneBits is_nan = (LaneBits)(magnitude > 0x7f800000U);
  LaneBits half = (is_small & small) | (~is_small & normal);
  half = (is_large & 0x7c00U) | (~is_large & half);
  half = (is_nan & 0x7e00U) | (~is_nan & half);
  half |= (bits >> 16) & 0x8000U;
  const LaneHalves halves = __builtin_convertvector(half, LaneHalves);
  std::memcpy(target, &halves, sizeof(halves));
}

// Rounds to nearest, ties to even; NaN stays NaN.
ELM_INLINE void NarrowToBf16(const Lanes& lanes, uint16_t* target) {
  const LaneBits bits = (LaneBits)lanes;
  const LaneBits is_nan = (LaneBits)((bits & 0x7fffffffU) > 0x7f800000U);
  const LaneBits rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const LaneBits quiet = (bits >> 16) | 0x0040U;
  const LaneHalves halves =
      __builtin_convertvector((is_nan & quiet) | (~is_nan & rounded), LaneHalves);
  std::memcpy(target, &halves, sizeof(halves));
}

// Whole numbers of lanes whose magnitude is below 2^22, rounded to nearest, ties to even.
ELM_INLINE void RoundLanes(const Lanes& lanes, LaneInts& ints) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: the sum's last place is 1
  ints = (LaneInts)(lanes + kMagic) - std::bit_cast<int32_t>(kMagic);
}

// e^x within 2e-7 of itself for x in [-87, 88]; clamped outside. Range reduction to |r| <= ln 2 / 2
// and the Taylor polynomial of degree 6.
ELM_INLINE void ExpLanes(Lanes& x) {
  x = x < -87.0F ? Lanes{} - 87.0F : x;
  x = x > 88.0F ? Lanes{} + 88.0F : x;
  LaneInts n;
  RoundLanes(x * 1.44269504088896F, n);
  const Lanes whole = __builtin_convertvector(n, Lanes);
  const Lanes r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;  // ln 2 in two parts
  Lanes p = r * (1.0F / 720) + (1.0F / 120);
  p = p * r + (1.0F / 24);
  p = p * r + (1.0F / 6);
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  x = (Lanes)((LaneInts)p + (n << 23));
}

}  // namespace elm
