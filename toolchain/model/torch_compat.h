// The one place that knows that LibTorch 1.13 (Debian's, CPU) and 2.x (with CUDA) differ.
#pragma once

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <torch/version.h>

#include <climits>
#include <cstdlib>

#include "formats/base/dtype.h"
#include "toolchain/base/libtorch.h"

namespace elm {

static_assert(TORCH_VERSION_MAJOR > 1 || TORCH_VERSION_MINOR >= 13,
              "LibTorch 1.13 or newer is needed");

// Threads of LibTorch and of the BLAS under it. Debian's LibTorch multiplies with an OpenBLAS that
// has threads of its own, all cores unless told otherwise, of which at::set_num_threads knows
// nothing; other builds have no such function, and nothing more is to do.
inline void SetTorchThreads(int threads) {
  at::set_num_threads(threads);
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(symbol)(threads);
  }
}

// From now on memory that tensors give back stays with the process, in one pool for all threads: a
// training step would otherwise return and fault in again tens of megabytes. For programs that do
// little else.
inline void KeepTensorMemory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

// Runs of the same input give the same bits: no atomics in CUDA's reductions, full float32 in
// matrix products. Call before the first CUDA operation.
inline void MakeTorchReproducible() {
  // cuBLAS reads it when its first handle is made; without it deterministic mode refuses to
  // multiply.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setFloat32MatmulPrecision("highest");
}

// The element type of a tensor in memory that holds stored values unchanged.
inline torch::Dtype TorchDType(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return torch::kFloat16;
    case DType::kBf16:
      return torch::kBFloat16;
    case DType::kF32:
      break;
  }
  return torch::kFloat32;
}

}  // namespace elm
