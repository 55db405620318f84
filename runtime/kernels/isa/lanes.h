// Sixteen numbers side by side, as many as a tile has outputs, in as many vectors as the
// instruction set's registers need.
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

#if defined(__AVX512F__)
#define ELM_REGISTER_BYTES 64
#define ELM_REGISTER_NAMESPACE registers_of_64_bytes
#elif defined(__AVX__)
#define ELM_REGISTER_BYTES 32
#define ELM_REGISTER_NAMESPACE registers_of_32_bytes
#else
#define ELM_REGISTER_BYTES 16
#define ELM_REGISTER_NAMESPACE registers_of_16_bytes
#endif

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

inline namespace ELM_REGISTER_NAMESPACE {

inline constexpr size_t kPartLanes = ELM_REGISTER_BYTES / sizeof(float);
inline constexpr size_t kParts = kLanes / kPartLanes;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr size_t kRegisters = 32;
#else
inline constexpr size_t kRegisters = 16;
#endif

// Not one vector of sixteen: where that is wider than a register, GCC keeps it in memory.
template <typename T>
struct SixteenOf {
  typedef T Part __attribute__((vector_size(kPartLanes * sizeof(T))));
  Part part[kParts];

  ELM_INLINE T operator[](size_t lane) const { return part[lane / kPartLanes][lane % kPartLanes]; }
};

using Lanes = SixteenOf<float>;
using LaneInts = SixteenOf<int32_t>;
using LaneBits = SixteenOf<uint32_t>;
using LaneHalves = SixteenOf<uint16_t>;
using LaneBytes = SixteenOf<int8_t>;

template <typename T>
ELM_INLINE SixteenOf<T> Spread(T value) {
  SixteenOf<T> lanes;
  Unrolled<kParts>(
      [&](auto p) ELM_INLINE_LAMBDA { lanes.part[p] = typename SixteenOf<T>::Part{} + value; });
  return lanes;
}

// Lane by lane, the right side sixteen numbers or one for all.
#define ELM_LANE_BY_LANE(operation)                                                              \
  template <typename T>                                                                          \
  ELM_INLINE SixteenOf<T> operator operation(const SixteenOf<T>& a, const SixteenOf<T>& b) {     \
    SixteenOf<T> lanes;                                                                          \
    Unrolled<kParts>([&](auto p)                                                                 \
                         ELM_INLINE_LAMBDA { lanes.part[p] = a.part[p] operation b.part[p]; });  \
    return lanes;                                                                                \
  }                                                                                              \
  template <typename T>                                                                          \
  ELM_INLINE SixteenOf<T> operator operation(const SixteenOf<T>& a, std::type_identity_t<T> b) { \
    SixteenOf<T> lanes;                                                                          \
    Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA { lanes.part[p] = a.part[p] operation b; });  \
    return lanes;                                                                                \
  }
ELM_LANE_BY_LANE(+)
ELM_LANE_BY_LANE(-)
ELM_LANE_BY_LANE(*)
ELM_LANE_BY_LANE(/)
ELM_LANE_BY_LANE(&)
ELM_LANE_BY_LANE(|)
ELM_LANE_BY_LANE(<<)
ELM_LANE_BY_LANE(>>)
#undef ELM_LANE_BY_LANE

template <typename T>
ELM_INLINE void operator+=(SixteenOf<T>& a, const SixteenOf<T>& b) {
  a = a + b;
}

// a where a < b, else b.
template <typename T>
ELM_INLINE SixteenOf<T> Smaller(const SixteenOf<T>& a, const SixteenOf<T>& b) {
  SixteenOf<T> lanes;
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    lanes.part[p] = a.part[p] < b.part[p] ? a.part[p] : b.part[p];
  });
  return lanes;
}
// a where a > b, else b.
template <typename T>
ELM_INLINE SixteenOf<T> Larger(const SixteenOf<T>& a, const SixteenOf<T>& b) {
  SixteenOf<T> lanes;
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    lanes.part[p] = a.part[p] > b.part[p] ? a.part[p] : b.part[p];
  });
  return lanes;
}
// chosen where a < b, else other.
template <typename T>
ELM_INLINE SixteenOf<T> WhereBelow(const SixteenOf<T>& a, std::type_identity_t<T> b,
                                   const SixteenOf<T>& chosen, const SixteenOf<T>& other) {
  SixteenOf<T> lanes;
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    lanes.part[p] = a.part[p] < b ? chosen.part[p] : other.part[p];
  });
  return lanes;
}

// The same bits as another type of the same size.
template <typename To, typename T>
ELM_INLINE SixteenOf<To> AsBitsOf(const SixteenOf<T>& lanes) {
  static_assert(sizeof(To) == sizeof(T));
  SixteenOf<To> bits;
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    bits.part[p] = (typename SixteenOf<To>::Part)lanes.part[p];
  });
  return bits;
}
// The same numbers as another type.
template <typename To, typename T>
ELM_INLINE SixteenOf<To> Converted(const SixteenOf<T>& lanes) {
  SixteenOf<To> converted;
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    converted.part[p] = __builtin_convertvector(lanes.part[p], typename SixteenOf<To>::Part);
  });
  return converted;
}

// Part by part: GCC copies the whole through memory.
template <typename T>
ELM_INLINE void Load(const void* source, SixteenOf<T>& lanes) {
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    constexpr size_t kBytes = sizeof lanes.part[p];
    std::memcpy(&lanes.part[p], static_cast<const std::byte*>(source) + p * kBytes, kBytes);
  });
}
template <typename T>
ELM_INLINE void Store(const SixteenOf<T>& lanes, void* target) {
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    constexpr size_t kBytes = sizeof lanes.part[p];
    std::memcpy(static_cast<std::byte*>(target) + p * kBytes, &lanes.part[p], kBytes);
  });
}

// The first `count` of them, zeros behind.
ELM_INLINE void LoadSome(const float* source, size_t count, Lanes& lanes) {
  lanes = Lanes{};
  std::memcpy(&lanes, source, count * sizeof(float));
}
ELM_INLINE void StoreSome(const Lanes& lanes, size_t count, float* target) {
  std::memcpy(target, &lanes, count * sizeof(float));
}

ELM_INLINE float SumOf(const Lanes& lanes) {
  float sum = 0;
  for (size_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

ELM_INLINE float LargestOf(const Lanes& lanes) {
  auto part = lanes.part[0];
  for (size_t p = 1; p < kParts; ++p) part = lanes.part[p] > part ? lanes.part[p] : part;
  float largest = part[0];
  for (size_t i = 1; i < kPartLanes; ++i) largest = part[i] > largest ? part[i] : largest;
  return largest;
}

// Sixteen bf16 or f16 numbers as floats; f16 as F16ToFloat() of formats/base/dtype.h.
ELM_INLINE void WidenF16Portably(const uint16_t* source, Lanes& lanes) {
  LaneHalves halves;
  Load(source, halves);
  const LaneBits half = Converted<uint32_t>(halves);
  const LaneBits magnitude = (half & 0x7fffU) << 13;
  const Lanes scaled = AsBitsOf<float>(magnitude) * std::bit_cast<float>(0x77800000U);  // 2^112
  const LaneBits zero = {};
  const LaneBits infinite = WhereBelow(magnitude, 0x0f800000U, zero, Spread(uint32_t{0x7f800000U}));
  lanes = AsBitsOf<float>(AsBitsOf<uint32_t>(scaled) | infinite | ((half & 0x8000U) << 16));
}

// Rounds to nearest, ties to even; too large becomes infinity.
ELM_INLINE void NarrowToF16Portably(const Lanes& lanes, uint16_t* target) {
  const LaneBits bits = AsBitsOf<uint32_t>(lanes);
  const LaneBits magnitude = bits & 0x7fffffffU;
  const LaneBits rebiased = magnitude - 0x38000000U;
  const LaneBits normal = (rebiased + 0x0fffU + ((rebiased >> 13) & 1U)) >> 13;
  // Subnormal: adding 0.5 aligns the last place with 2^-24 and rounds.
  const LaneBits small = AsBitsOf<uint32_t>(AsBitsOf<float>(magnitude) + 0.5F) - 0x3f000000U;
  const LaneBits finite = WhereBelow(magnitude, 0x38800000U, small, normal);
  const LaneBits not_nan = WhereBelow(magnitude, 0x477ff000U, finite, Spread(uint32_t{0x7c00U}));
  const LaneBits half = WhereBelow(magnitude, 0x7f800001U, not_nan, Spread(uint32_t{0x7e00U}));
  Store(Converted<uint16_t>(half | ((bits >> 16) & 0x8000U)), target);
}

// Rounds to nearest, ties to even; NaN stays NaN.
ELM_INLINE void NarrowToBf16(const Lanes& lanes, uint16_t* target) {
  const LaneBits bits = AsBitsOf<uint32_t>(lanes);
  const LaneBits rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const LaneBits quiet = (bits >> 16) | 0x0040U;
  Store(Converted<uint16_t>(WhereBelow(bits & 0x7fffffffU, 0x7f800001U, rounded, quiet)), target);
}

// Keeps a compiler from fusing the multiplication that made these with what follows, which would
// round differently from one instruction set to the other.
ELM_INLINE void Unfused(Lanes& lanes) {
  Unrolled<kParts>([&](auto p) ELM_INLINE_LAMBDA {
    [[maybe_unused]] auto& part = lanes.part[p];  // clang takes no captured name in here
#if defined(__x86_64__)
    asm("" : "+v"(part));
#elif defined(__aarch64__)
    asm("" : "+w"(part));
#endif
  });
}

// Whole numbers of lanes whose magnitude is below 2^22, rounded to nearest, ties to even: the same
// on every instruction set.
ELM_INLINE LaneInts Rounded(const Lanes& lanes) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: the sum's last place is 1
  Lanes product = lanes;
  Unfused(product);
  return AsBitsOf<int32_t>(product + kMagic) - std::bit_cast<int32_t>(kMagic);
}

// e^x within 2e-7 of itself for x in [-87, 88]; clamped outside. Range reduction to |r| <= ln 2 / 2
// and the Taylor polynomial of degree 6.
ELM_INLINE Lanes Exp(const Lanes& unclamped) {
  const Lanes x = Smaller(Larger(unclamped, Spread(-87.0F)), Spread(88.0F));
  const LaneInts n = Rounded(x * 1.44269504088896F);
  const Lanes whole = Converted<float>(n);
  const Lanes r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;  // ln 2 in two parts
  Lanes p = r * (1.0F / 720) + (1.0F / 120);
  p = p * r + (1.0F / 24);
  p = p * r + (1.0F / 6);
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  return AsBitsOf<float>(AsBitsOf<int32_t>(p) + (n << 23));
}

}  // namespace ELM_REGISTER_NAMESPACE
}  // namespace elm
