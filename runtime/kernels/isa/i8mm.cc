// NEON with the matrix instructions of Armv8.6: phones since 2022.
#include "runtime/kernels/isa/neon.h"
#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct FourWayDot {
  static ELM_INLINE int32x4_t Add(int32x4_t sums, int8x16_t codes, int8x16_t inputs) {
    return vdotq_s32(sums, codes, inputs);
  }
};

// One instruction multiplies eight inputs of two outputs with those of two tokens. A single token
// goes the way of dotprod.
struct I8mm : NeonBase<FourWayDot> {
  static constexpr const char* kName = "i8mm";
  static constexpr const char* kDescription = "NEON with dotprod and i8mm";
  static constexpr bool kTokenPairs = true;
  static constexpr bool kShortSums = false;

  // Eight inputs of two neighbouring outputs in each part.
  struct PairCodes {
    int8x16_t part[8];
  };
  using PairFours = int8x16_t;  // eight inputs of one token, then of the next
  // Of two neighbouring outputs each: (output 0, token 0), (0, 1), (1, 0), (1, 1).
  struct PairSums {
    int32x4_t part[8];
  };

  static ELM_INLINE void ZeroPairs(PairSums& sums) {
    for (int32x4_t& part : sums.part) part = vdupq_n_s32(0);
  }
  static ELM_INLINE void JoinCodes(const Codes& even, const Codes& odd, PairCodes& codes) {
    for (size_t i = 0; i < 4; ++i) {
      const int32x4_t first = vreinterpretq_s32_s8(even.part[i]);
      const int32x4_t second = vreinterpretq_s32_s8(odd.part[i]);
      codes.part[2 * i] = vreinterpretq_s8_s32(vzip1q_s32(first, second));
      codes.part[2 * i + 1] = vreinterpretq_s8_s32(vzip2q_s32(first, second));
    }
  }
  static ELM_INLINE void JoinFours(const uint32_t* first, const uint32_t* second,
                                   PairFours& fours) {
    const uint32x4_t low = vcombine_u32(vld1_u32(first), vdup_n_u32(0));
    const uint32x4_t high = vcombine_u32(vld1_u32(second), vdup_n_u32(0));
    fours = vreinterpretq_s8_u32(vzip1q_u32(low, high));
  }
  static ELM_INLINE void DotPairs2x2(const PairCodes& codes, const PairFours& fours,
                                     PairSums& sums) {
    for (size_t i = 0; i < 8; ++i) sums.part[i] = vmmlaq_s32(sums.part[i], codes.part[i], fours);
  }
  static ELM_INLINE void AddPairs(const PairSums& pairs, Sums& first, Sums& second) {
    for (size_t i = 0; i < 4; ++i) {
      const int32x4_t low = pairs.part[2 * i];
      const int32x4_t high = pairs.part[2 * i + 1];
      first.part[i] = vaddq_s32(first.part[i], vuzp1q_s32(low, high));
      second.part[i] = vaddq_s32(second.part[i], vuzp2q_s32(low, high));
    }
  }
};

}  // namespace

const KernelTable kI8mmKernels = MakeKernelTable<I8mm>();

}  // namespace elm
