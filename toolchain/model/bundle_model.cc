#include "toolchain/model/bundle_model.h"

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "formats/elm/adapter_values.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

// A bundle's tensors as those of any other checkpoint: row-major, float32 whatever is stored.
class BundleCheckpoint : public Checkpoint {
 public:
  explicit BundleCheckpoint(const Bundle& bundle) : bundle_(bundle) {
    for (const BundleTensor& tensor : bundle.view().tensors) {
      tensors_.push_back({.spec = tensor.spec, .dtype = DType::kF32});
    }
  }

  std::string form() const override { return "elm bundle"; }
  std::vector<std::string> files() const override { return {bundle_.path()}; }
  const ModelConfig& config() const override { return bundle_.config(); }
  std::string tokenizer_path() const override { return {}; }
  const SpecialTokens& special_tokens() const override { return special_tokens_; }
  const std::vector<CheckpointTensor>& tensors() const override { return tensors_; }

  Status Read(size_t tensor_index, std::span<std::byte> bytes) const override {
    const BundleTensor& tensor = bundle_.view().tensors[tensor_index];
    std::vector<float> values(bytes.size() / sizeof(float));
    DecodeTensor(tensor, values);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return Status::Ok();
  }

 private:
  const Bundle& bundle_;
  SpecialTokens special_tokens_;
  std::vector<CheckpointTensor> tensors_;
};

torch::Tensor DecodeMatrix(const BundleAdapter& adapter, const AdapterTensor& tensor) {
  torch::Tensor values = torch::empty(
      {static_cast<int64_t>(tensor.layout.rows), static_cast<int64_t>(tensor.layout.columns)},
      torch::kFloat32);
  DecodeAdapter(adapter, tensor,
                std::span(values.data_ptr<float>(), static_cast<size_t>(values.numel())));
  return values;
}

LoraAdapter LoadAdapter(const Bundle& bundle, const BundleAdapter& stored) {
  LoraAdapter adapter{stored.rank, stored.scale,
                      std::vector<AdapterMatrices>(bundle.config().layers)};
  for (const AdapterTensor& tensor : stored.plan.tensors) {
    torch::Tensor matrix = DecodeMatrix(stored, tensor);
    if (!torch::isfinite(matrix).all().item<bool>()) {
      throw Error(Corruption(bundle.path(), ": adapter of level ",
                             LevelName(bundle.levels().levels[stored.level].name_permille),
                             ", layer ", tensor.layer, ": ", AdapterPartName(tensor.part),
                             " holds a number that is not finite"));
    }
    adapter.layers[tensor.layer][static_cast<size_t>(tensor.part)] = std::move(matrix);
  }
  return adapter;
}

}  // namespace

std::vector<std::optional<LoraAdapter>> LoadBundleAdapters(const Bundle& bundle,
                                                           torch::Device device,
                                                           torch::Dtype dtype) {
  const torch::NoGradGuard no_grad;
  std::vector<std::optional<LoraAdapter>> adapters(bundle.levels().levels.size());
  for (const BundleAdapter& stored : bundle.view().adapters) {
    adapters.at(stored.level) = LoadAdapter(bundle, stored).To(device, dtype);
  }
  return adapters;
}

Llama LoadBundleModel(const Bundle& bundle, torch::Device device, torch::Dtype dtype) {
  try {
    Llama model = Llama::Load(BundleCheckpoint(bundle), device, dtype);
    for (size_t layer = 0; layer < model.layers.size(); ++layer) {
      model.layers[layer].kv_of = bundle.levels().kv_of[layer];
    }
    return model;
  } catch (const Error& error) {
    throw Error(error.status().In(bundle.path()));
  }
}

}  // namespace elm
