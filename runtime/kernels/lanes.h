// Sixteen floats side by side, as many as a tile has outputs. The compiler maps them to whatever
// vector registers the target has.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/kernels/multiversion.h"

namespace elm {

inline constexpr size_t kLanes = 16;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef uint32_t LaneBits __attribute__((vector_size(kLanes * sizeof(uint32_t))));
typedef uint16_t LaneHalves __attribute__((vector_size(kLanes * sizeof(uint16_t))));

// Results go through a reference: passing vectors by value would change the calling convention
// between instruction sets.
ELM_INLINE void LoadLanes(const float* source, Lanes& lanes) {
  std::memcpy(&lanes, source, sizeof(lanes));
}

ELM_INLINE void StoreLanes(const Lanes& lanes, float* target) {
  std::memcpy(target, &lanes, sizeof(lanes));
}

// How sixteen stored weights become floats, per element type.
struct F32Weight {
  using Stored = float;
  static ELM_INLINE void Load(const Stored* source, Lanes& lanes) { LoadLanes(source, lanes); }
};

struct Bf16Weight {
  using Stored = uint16_t;
  static ELM_INLINE void Load(const Stored* source, Lanes& lanes) {
    LaneHalves halves;
    std::memcpy(&halves, source, sizeof(halves));
    lanes = (Lanes)(__builtin_convertvector(halves, LaneBits) << 16);
  }
};

// F16ToFloat() of formats/base/dtype.h, sixteen at a time.
struct F16Weight {
  using Stored = uint16_t;
  static ELM_INLINE void Load(const Stored* source, Lanes& lanes) {
    LaneHalves halves;
    std::memcpy(&halves, source, sizeof(halves));
    const LaneBits half = __builtin_convertvector(halves, LaneBits);
    const LaneBits magnitude = (half & 0x7fffU) << 13;
    const Lanes scaled = (Lanes)magnitude * std::bit_cast<float>(0x77800000U);  // 2^112
    const LaneBits infinite = (LaneBits)(magnitude >= 0x0f800000U) & 0x7f800000U;
    lanes = (Lanes)((LaneBits)scaled | infinite | ((half & 0x8000U) << 16));
  }
};

}  // namespace elm
