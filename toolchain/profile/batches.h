// What both profiles share: going through a range of windows in batches, and losses as doubles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "datasets/token_windows.h"
#include "toolchain/base/error.h"
#include "toolchain/model/llama.h"
#include "toolchain/profile/profile.h"

namespace elm {

// Values of a tensor in float64 on the CPU, row-major.
inline std::vector<double> Doubles(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.detach().to(torch::kFloat64).cpu().contiguous();
  const double* begin = values.data_ptr<double>();
  return {begin, begin + values.numel()};
}

// Calls visit(ids [batch, tokens]) for windows [begin, end), `batch` at a time, and reports
// progress.
template <typename Visit>
void ForEachBatch(const Llama& model, const TokenWindows& windows, size_t begin, size_t end,
                  size_t batch, const ProfileProgress& progress, const Visit& visit) {
  if (begin >= end || end > windows.count()) {
    throw Error(InvalidArgument("windows ", begin, " to ", end, " of ", windows.count(),
                                ": there is nothing to profile"));
  }
  TORCH_CHECK(batch > 0, "a batch holds at least one window");
  for (size_t first = begin; first < end; first += batch) {
    const size_t last = std::min(end, first + batch);
    visit(WindowBatch(windows, first, last, model.device()));
    if (progress) progress(last - begin, end - begin);
  }
}

// Sum of a batch's losses in order; refuses one that is not finite.
inline double SumLosses(const std::vector<double>& losses) {
  double sum = 0;
  for (double loss : losses) {
    if (!std::isfinite(loss)) {
      throw Error(FailedCheck("a calibration window has the loss ", loss,
                              ", expected a finite number; try float32"));
    }
    sum += loss;
  }
  return sum;
}

}  // namespace elm
