// Whatever the work, every instruction set must agree with the scalar kernels.
#include <cstdio>
#include <cstdlib>

#include "runtime/kernels/testing/differential.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string difference = elm::testing::CompareKernels({data, size});
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s\n", difference.c_str());
  std::abort();
}
