// NEON: every 64-bit Arm.
#include "runtime/kernels/isa/neon.h"

#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct WideningDot {
  static ELM_INLINE int32x4_t Add(int32x4_t sums, int8x16_t codes, int8x16_t inputs) {
    const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(inputs));
    const int16x8_t high = vmull_s8(vget_high_s8(codes), vget_high_s8(inputs));
    return vaddq_s32(sums, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
  }
};

struct Neon : NeonBase<WideningDot> {
  static constexpr const char* kName = "neon";
  static constexpr const char* kDescription = "NEON";
  static constexpr bool kTokenPairs = false;
  static constexpr bool kShortSums = false;
};

}  // namespace

const KernelTable kNeonKernels = MakeKernelTable<Neon>();

}  // namespace elm
