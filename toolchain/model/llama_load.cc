// Llama::Load and Llama::Reordered: where the model's tensors come from.
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "toolchain/base/error.h"
#include "toolchain/model/llama.h"
#include "toolchain/model/torch_compat.h"

namespace elm {
namespace {

bool AllFinite(const torch::Tensor& values) { return torch::isfinite(values).all().item<bool>(); }

// "element [3, 17] is nan" of the first bad element.
std::string FirstBadElement(const torch::Tensor& values) {
  const torch::Tensor place = torch::isfinite(values).logical_not().nonzero()[0];
  std::string index;
  torch::Tensor element = values;
  for (int64_t axis = 0; axis < place.size(0); ++axis) {
    const int64_t position = place[axis].item<int64_t>();
    index += StrCat(axis == 0 ? "" : ", ", position);
    element = element[position];
  }
  return StrCat("element [", index, "] is ", element.item<float>());
}

// Refuses weights that are not finite as stored, or no longer are in the model's type.
void CheckFinite(const CheckpointTensor& tensor, const torch::Tensor& stored,
                 const torch::Tensor& converted) {
  if (AllFinite(converted)) return;
  if (!AllFinite(stored)) {
    throw Error(Corruption("tensor ", tensor.spec.name, ": ", FirstBadElement(stored),
                           ", expected finite weights; the checkpoint is damaged"));
  }
  throw Error(Unsupported("tensor ", tensor.spec.name, ": ", FirstBadElement(converted), " as ",
                          c10::toString(converted.scalar_type()),
                          ", whose range is too small; use float32 or bfloat16"));
}

// One tensor at a time in its stored type: beside the model there is never more than this one.
torch::Tensor LoadTensor(const Checkpoint& checkpoint, size_t index, torch::Device device,
                         torch::Dtype dtype) {
  const CheckpointTensor& tensor = checkpoint.tensors()[index];
  const auto rows = static_cast<int64_t>(tensor.spec.rows);
  const auto columns = static_cast<int64_t>(tensor.spec.columns);
  const std::vector<int64_t> shape =
      tensor.spec.is_vector() ? std::vector<int64_t>{columns} : std::vector<int64_t>{rows, columns};
  torch::Tensor stored = torch::empty(shape, TorchDType(tensor.dtype));
  ThrowIfError(checkpoint.Read(
      index, std::span(static_cast<std::byte*>(stored.data_ptr()), stored.nbytes())));
  // In this order: the way to a device is narrow, and it converts faster than the processor.
  torch::Tensor converted = stored.to(device).to(dtype);
  CheckFinite(tensor, stored, converted);
  return converted;
}

// The member of `model` that `spec` describes.
torch::Tensor& Member(Llama& model, const TensorSpec& spec) {
  LlamaLayer& layer = model.layers.at(spec.layer);
  switch (spec.role) {
    case TensorRole::kEmbedding:
      return model.embedding;
    case TensorRole::kAttentionNorm:
      return layer.attention_norm;
    case TensorRole::kQuery:
      return layer.query;
    case TensorRole::kKey:
      return layer.key;
    case TensorRole::kValue:
      return layer.value;
    case TensorRole::kOutput:
      return layer.output;
    case TensorRole::kMlpNorm:
      return layer.mlp_norm;
    case TensorRole::kGate:
      return layer.gate;
    case TensorRole::kUp:
      return layer.up;
    case TensorRole::kDown:
      return layer.down;
    case TensorRole::kFinalNorm:
      return model.final_norm;
    case TensorRole::kHead:
      return model.head;
  }
  throw Error(Internal("tensor ", spec.name, " has no place in the model"));
}

torch::Tensor Permuted(const torch::Tensor& tensor, const TensorPermutation& permutation) {
  if (permutation.indices.empty()) return tensor;
  const std::vector<int64_t> indices(permutation.indices.begin(), permutation.indices.end());
  const int64_t axis = permutation.axis == TensorPermutation::Axis::kRows ? 0 : 1;
  return tensor.index_select(axis, torch::tensor(indices, torch::kInt64).to(tensor.device()));
}

}  // namespace

Llama Llama::Load(const Checkpoint& checkpoint, torch::Device device, torch::Dtype dtype) {
  torch::NoGradGuard no_grad;
  const ModelConfig& config = checkpoint.config();
  ThrowIfError(Validate(config));
  Llama model;
  model.config_ = config;
  model.layers.resize(config.layers);
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    Member(model, checkpoint.tensors()[i].spec) = LoadTensor(checkpoint, i, device, dtype);
  }
  if (config.tied_head) model.head = model.embedding;
  const LevelTable table = FullLevelOnly(config);
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    model.layers[layer].kv_of = table.kv_of[layer];
  }
  return model;
}

Llama Llama::Reordered(const UnitOrder& order) const {
  torch::NoGradGuard no_grad;
  ThrowIfError(Validate(order, config_).In("unit order"));
  const LevelTable original = FullLevelOnly(config_);
  Llama model = *this;
  for (const TensorSpec& spec : ListTensors(config_)) {
    torch::Tensor& tensor = Member(model, spec);
    tensor = Permuted(tensor, PermutationOf(spec, order, config_));
  }
  for (uint32_t layer = 0; layer < config_.layers; ++layer) {
    TORCH_CHECK(layers[layer].kv_of == original.kv_of[layer], "the model is reordered already");
    model.layers[layer].kv_of = KvOf(order.layers[layer], config_);
  }
  return model;
}

}  // namespace elm
