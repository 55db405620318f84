// The instruction sets that this machine can test.
#pragma once

#include <vector>

#include "runtime/kernels/kernels.h"

namespace elm::testing {

inline std::vector<const KernelTable*> SupportedKernels() {
  std::vector<const KernelTable*> supported;
  for (const KernelTable* kernels : AllKernels()) {
    if (IsSupported(*kernels)) supported.push_back(kernels);
  }
  return supported;
}

// The reference: plain C++, the last of all.
inline const KernelTable& ScalarKernels() { return *AllKernels().back(); }

}  // namespace elm::testing
