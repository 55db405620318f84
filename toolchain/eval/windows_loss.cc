#include "toolchain/eval/windows_loss.h"

#include <algorithm>
#include <numeric>

#include "toolchain/base/error.h"

namespace elm {

WindowsLoss MeasureLoss(const Llama& model, const TokenWindows& windows,
                        const ForwardOptions& options, size_t batch, const LossProgress& progress) {
  const size_t count = windows.count();
  if (count == 0) throw Error(InvalidArgument("there are no windows of text to measure a loss on"));
  TORCH_CHECK(batch > 0, "a batch holds at least one window");
  torch::NoGradGuard no_grad;
  WindowsLoss loss;
  for (size_t begin = 0; begin < count; begin += batch) {
    const size_t end = std::min(count, begin + batch);
    const torch::Tensor ids = WindowBatch(windows, begin, end, model.device());
    const torch::Tensor losses =
        model.SequenceLoss(ids, options).to(torch::kFloat64).cpu().contiguous();
    const double* values = losses.data_ptr<double>();
    loss.sequences.insert(loss.sequences.end(), values, values + losses.numel());
    if (progress) progress(end, count);
  }
  loss.mean = std::accumulate(loss.sequences.begin(), loss.sequences.end(), 0.0) /
              static_cast<double>(count);
  return loss;
}

}  // namespace elm
