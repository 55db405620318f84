#include "toolchain/quantize/quantised_tensors.h"

namespace elm {

torch::Tensor& MatrixOf(Llama& model, const TensorSpec& spec) {
  switch (spec.role) {
    case TensorRole::kEmbedding:
      return model.embedding;
    case TensorRole::kHead:
      return model.head;
    case TensorRole::kQuery:
      return model.layers[spec.layer].query;
    case TensorRole::kKey:
      return model.layers[spec.layer].key;
    case TensorRole::kValue:
      return model.layers[spec.layer].value;
    case TensorRole::kOutput:
      return model.layers[spec.layer].output;
    case TensorRole::kGate:
      return model.layers[spec.layer].gate;
    case TensorRole::kUp:
      return model.layers[spec.layer].up;
    case TensorRole::kDown:
      return model.layers[spec.layer].down;
    case TensorRole::kAttentionNorm:
    case TensorRole::kMlpNorm:
    case TensorRole::kFinalNorm:
      break;
  }
  TORCH_CHECK(false, spec.name, " is no matrix");
}

torch::Tensor ToTensor(const QuantisedMatrix& matrix) {
  torch::Tensor values = torch::empty(
      {static_cast<int64_t>(matrix.rows), static_cast<int64_t>(matrix.columns)}, torch::kFloat32);
  Dequantise(matrix, {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
  return values;
}

MatrixQuantiser TakeFrom(const QuantisedTensors& tensors) {
  return [&tensors](const TensorSpec& spec, WeightType, uint32_t,
                    std::span<const float>) -> Result<QuantisedMatrix> {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end()) return Internal("was not rounded");
    return found->second;
  };
}

}  // namespace elm
