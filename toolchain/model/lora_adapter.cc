#include "toolchain/model/lora_adapter.h"

namespace elm {

LoraAdapter LoraAdapter::To(torch::Device device, torch::Dtype dtype) const {
  LoraAdapter result = *this;
  for (AdapterMatrices& layer : result.layers) {
    for (torch::Tensor& matrix : layer) {
      if (matrix.defined()) matrix = matrix.to(device, dtype);
    }
  }
  return result;
}

std::vector<torch::Tensor> ProjectLow(const torch::Tensor& input, const torch::Tensor& stacked_a,
                                      int64_t rank) {
  return torch::linear(input, stacked_a).split(rank, -1);
}

}  // namespace elm
