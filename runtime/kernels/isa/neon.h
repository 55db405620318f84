// What the NEON variants share.
#pragma once

#include <arm_neon.h>

#include "runtime/kernels/isa/lanes.h"
#include "runtime/kernels/kernels.h"

namespace elm {

// Sixteen outputs are four registers. `Dot4` multiplies: sum of four products into each 32-bit
// lane.
template <typename Dot4>
struct NeonBase {
  static constexpr bool kBf16Products = false;
  static constexpr size_t kBlockRows = 1;
  static constexpr size_t kBlockTokens = 4;
  static constexpr size_t kQueriesTogether = 4;

  struct Codes {
    int8x16_t part[4];
  };
  struct Sums {
    int32x4_t part[4];
  };
  using Four = int8x16_t;

  static constexpr int32_t kCodeOffset(WeightType type) {
    return type == WeightType::kQ4 ? ZeroPoint(type) : 0;
  }

  static ELM_INLINE void Fill(int32_t value, Sums& sums) {
    for (int32x4_t& part : sums.part) part = vdupq_n_s32(value);
  }
  static ELM_INLINE uint8x16_t Load(const std::byte* bytes) {
    return vld1q_u8(reinterpret_cast<const uint8_t*>(bytes));
  }
  static ELM_INLINE void LoadCodes(const std::byte* bytes, Codes& codes) {
    // Flipping the top bit takes 128 off.
    for (size_t i = 0; i < 4; ++i) {
      codes.part[i] = vreinterpretq_s8_u8(veorq_u8(Load(bytes + 16 * i), vdupq_n_u8(0x80)));
    }
  }
  static ELM_INLINE void LoadNibbles(const std::byte* bytes, Codes& even, Codes& odd) {
    for (size_t i = 0; i < 4; ++i) {
      const uint8x16_t both = Load(bytes + 16 * i);
      even.part[i] = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(0x0f)));
      odd.part[i] = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
    }
  }
  static ELM_INLINE void LoadFour(const uint32_t* cell, Four& four) {
    four = vreinterpretq_s8_s32(vdupq_n_s32(static_cast<int32_t>(*cell)));
  }
  static ELM_INLINE void Dot(const Codes& codes, const Four& four, Sums& sums) {
    for (size_t i = 0; i < 4; ++i) sums.part[i] = Dot4::Add(sums.part[i], codes.part[i], four);
  }
  static ELM_INLINE void ToFloats(const Sums& sums, Lanes& lanes) {
    for (size_t i = 0; i < 4; ++i) {
      lanes.part[i] = vcvtq_f32_s32(sums.part[i]);
    }
  }
  static ELM_INLINE void StoreBytes(const LaneInts& ints, void* bytes) {
    int16x8_t pairs[2];
    for (size_t i = 0; i < 2; ++i) {
      pairs[i] = vcombine_s16(vmovn_s32(ints.part[2 * i]), vmovn_s32(ints.part[2 * i + 1]));
    }
    const int8x16_t all = vcombine_s8(vmovn_s16(pairs[0]), vmovn_s16(pairs[1]));
    vst1q_s8(static_cast<int8_t*>(bytes), all);
  }
  static ELM_INLINE void WidenF16(const uint16_t* halves, Lanes& lanes) {
    for (size_t i = 0; i < 4; ++i) {
      lanes.part[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + 4 * i)));
    }
  }
  static ELM_INLINE void NarrowToF16(const Lanes& lanes, uint16_t* halves) {
    for (size_t i = 0; i < 4; ++i) {
      vst1_u16(halves + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(lanes.part[i])));
    }
  }
};

}  // namespace elm
