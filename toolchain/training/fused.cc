#include "toolchain/training/fused.h"

#include "toolchain/training/bf16_kernels.h"

namespace elm {

bool UsesFusedKernels(Kernels kernels, const torch::Tensor& tensor, torch::Dtype dtype,
                      int64_t columns) {
  return kernels == Kernels::kAuto && tensor.is_cpu() && dtype == torch::kBFloat16 &&
         columns % kBf16Columns == 0 && HasBf16Kernels();
}

}  // namespace elm
