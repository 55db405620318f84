#include "runtime/engine/weights.h"

#include <algorithm>
#include <utility>

namespace elm {
namespace {

Result<const BundleTensor*> Find(const Bundle& bundle, TensorRole role, uint32_t layer) {
  const BundleTensor* tensor = bundle.FindTensor(role, layer);
  if (tensor != nullptr) return tensor;
  return Corruption(bundle.path(), ": tensor ", TensorName(role, layer), " is missing");
}

// Finds one tensor after the other and remembers the first failure, so that the list of weights
// below reads as a list.
class Viewer {
 public:
  explicit Viewer(const Bundle& bundle) : bundle_(bundle) {}

  Matrix View(TensorRole role, uint32_t layer, layout::TensorLayout order) {
    auto matrix = TryView(role, layer, order);
    if (matrix.ok()) return *matrix;
    Remember(matrix.status().In(StrCat(bundle_.path(), ": ", TensorName(role, layer))));
    return {};
  }

  const float* ViewNorm(TensorRole role, uint32_t layer) {
    auto tensor = Find(bundle_, role, layer);
    if (!tensor.ok()) {
      Remember(tensor.status());
      return nullptr;
    }
    if ((*tensor)->type != WeightType::kF32) {
      Remember(Unsupported(bundle_.path(), ": ", (*tensor)->spec.name, ": norm is ",
                           WeightTypeName((*tensor)->type), ", expected f32"));
      return nullptr;
    }
    return reinterpret_cast<const float*>((*tensor)->bytes.data());
  }

  const Status& status() const { return status_; }

 private:
  Result<Matrix> TryView(TensorRole role, uint32_t layer, layout::TensorLayout order) {
    ELM_ASSIGN_OR_RETURN(const BundleTensor* tensor, Find(bundle_, role, layer));
    if (tensor->layout.order != order) {
      return Corruption("layout ", static_cast<int>(tensor->layout.order), ", expected ",
                        static_cast<int>(order));
    }
    return MakeMatrix(tensor->bytes, tensor->type, tensor->layout);
  }

  void Remember(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  const Bundle& bundle_;
  Status status_;
};

LayerWeights ViewLayer(Viewer& viewer, const Bundle& bundle, uint32_t layer) {
  using enum TensorRole;
  constexpr auto kByOutputs = layout::TensorLayout::kOutputMajor;
  constexpr auto kByInputs = layout::TensorLayout::kInputMajor;
  return {
      .attention_norm = viewer.ViewNorm(kAttentionNorm, layer),
      .query = viewer.View(kQuery, layer, kByOutputs),
      .key = viewer.View(kKey, layer, kByOutputs),
      .value = viewer.View(kValue, layer, kByOutputs),
      .output = viewer.View(kOutput, layer, kByInputs),
      .mlp_norm = viewer.ViewNorm(kMlpNorm, layer),
      .gate = viewer.View(kGate, layer, kByOutputs),
      .up = viewer.View(kUp, layer, kByOutputs),
      .down = viewer.View(kDown, layer, kByInputs),
      .kv_of = bundle.levels().kv_of[layer],
  };
}

Status ViewAdapters(const Bundle& bundle, ModelWeights& weights) {
  weights.adapters.resize(bundle.levels().levels.size());
  for (const BundleAdapter& stored : bundle.view().adapters) {
    Adapter adapter{stored.rank, stored.scale, {}};
    adapter.layers.resize(bundle.config().layers);
    for (const AdapterTensor& tensor : stored.plan.tensors) {
      auto matrix = MakeMatrix(stored.bytes.subspan(tensor.offset, tensor.size), WeightType::kF16,
                               tensor.layout);
      if (!matrix.ok()) {
        return matrix.status().In(StrCat(bundle.path(), ": adapter of level ", stored.level));
      }
      adapter.layers[tensor.layer][static_cast<size_t>(tensor.part)] = *matrix;
    }
    weights.largest_rank = std::max(weights.largest_rank, stored.rank);
    weights.adapters[stored.level] = std::move(adapter);
  }
  return Status::Ok();
}

bool StoredAlike(const Matrix& a, const Matrix& b) {
  return a.type == b.type && a.tile_columns == b.tile_columns;
}

}  // namespace

Result<ModelWeights> ViewWeights(const Bundle& bundle) {
  constexpr auto kByOutputs = layout::TensorLayout::kOutputMajor;
  Viewer viewer(bundle);
  ModelWeights weights;
  weights.embedding = viewer.View(TensorRole::kEmbedding, 0, kByOutputs);
  weights.layers.reserve(bundle.config().layers);
  for (uint32_t layer = 0; layer < bundle.config().layers; ++layer) {
    weights.layers.push_back(ViewLayer(viewer, bundle, layer));
  }
  weights.final_norm = viewer.ViewNorm(TensorRole::kFinalNorm, 0);
  weights.head =
      bundle.config().tied_head ? weights.embedding : viewer.View(TensorRole::kHead, 0, kByOutputs);
  ELM_RETURN_IF_ERROR(viewer.status());
  ELM_RETURN_IF_ERROR(ViewAdapters(bundle, weights));
  for (uint32_t layer = 0; layer < bundle.config().layers; ++layer) {
    const LayerWeights& each = weights.layers[layer];
    if (StoredAlike(each.query, each.key) && StoredAlike(each.query, each.value) &&
        StoredAlike(each.gate, each.up)) {
      continue;
    }
    return Unsupported(bundle.path(), ": layer ", layer,
                       ": q, k, v or gate, up differ in element type or group; this build "
                       "multiplies them together");
  }
  return weights;
}

}  // namespace elm
