// NEON with the dot product instructions of Armv8.2: phones since 2018.
#include "runtime/kernels/isa/neon.h"
#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct FourWayDot {
  static ELM_INLINE int32x4_t Add(int32x4_t sums, int8x16_t codes, int8x16_t inputs) {
    return vdotq_s32(sums, codes, inputs);
  }
};

struct Dotprod : NeonBase<FourWayDot> {
  static constexpr const char* kName = "dotprod";
  static constexpr const char* kDescription = "NEON with dotprod";
  static constexpr bool kTokenPairs = false;
  static constexpr bool kShortSums = false;
};

}  // namespace

const KernelTable kDotprodKernels = MakeKernelTable<Dotprod>();

}  // namespace elm
