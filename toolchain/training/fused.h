// What operations need that may take the fused kernels: whether they may, and how rows are shared
// among threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "toolchain/base/libtorch.h"

namespace elm {

// Which implementation to take; tests compare the two.
enum class Kernels { kAuto, kPlain };

// Whether bf16_kernels.h serves a tensor of `dtype` where `tensor` lies, with so many columns.
bool UsesFusedKernels(Kernels kernels, const torch::Tensor& tensor, torch::Dtype dtype,
                      int64_t columns);

// Work is cut into so many runs of rows whatever the number of threads, so that sums over rows do
// not depend on it.
inline constexpr int64_t kRowRuns = 16;

// body(run, begin, end) for each run of rows, on all threads.
template <typename Body>
void ForRowRuns(int64_t rows, const Body& body) {
  const int64_t step = (rows + kRowRuns - 1) / kRowRuns;
  at::parallel_for(0, kRowRuns, 1, [&](int64_t first, int64_t last) {
    for (int64_t run = first; run < last; ++run) {
      const int64_t begin = std::min(rows, run * step);
      const int64_t end = std::min(rows, begin + step);
      if (begin < end) body(run, begin, end);
    }
  });
}

}  // namespace elm
