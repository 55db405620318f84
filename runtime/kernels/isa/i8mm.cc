// NEON with the matrix instructions of Armv8.6.
#include "runtime/kernels/isa/neon.h"
#include "runtime/kernels/isa/table.h"

namespace elm {
namespace {

struct FourWayDot {
  static ELM_INLINE int32x4_t Add(int32x4_t sums, int8x16_t codes, int8x16_t inputs) {
    return vdotq_s32(sums, codes, inputs);
  }
};

struct I8mm : NeonBase<FourWayDot> {
  static constexpr const char* kName = "i8mm";
  static constexpr const char* kDescription = "NEON with i8mm";
};

}  // namespace

const KernelTable kI8mmKernels = MakeKernelTable<I8mm>();

}  // namespace elm
