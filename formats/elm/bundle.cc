#include "formats/elm/bundle.h"

#include <utility>

#include "formats/elm/quantised_tiles.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

constexpr size_t kRoles = static_cast<size_t>(TensorRole::kHead) + 1;

size_t IndexOf(TensorRole role, uint32_t layer) {
  return layer * kRoles + static_cast<size_t>(role);
}

// Outputs (or inputs, for o and down) of a tensor that a slice keeps.
uint64_t KeptUnits(const TensorSpec& spec, const ModelConfig& config, const LayerSlice& slice) {
  switch (spec.role) {
    case TensorRole::kQuery:
    case TensorRole::kOutput:
      return uint64_t{slice.query_heads} * config.head_dim;
    case TensorRole::kKey:
    case TensorRole::kValue:
      return uint64_t{slice.kv_heads} * config.head_dim;
    case TensorRole::kGate:
    case TensorRole::kUp:
    case TensorRole::kDown:
      return slice.neurons;
    default:
      return spec.rows;  // never cut
  }
}

}  // namespace

void DecodeTensor(const BundleStorage& tensor, std::span<float> values) {
  if (IsQuantised(tensor.type)) {
    return Dequantise(UnpackQuantisedTiles(tensor.layout, tensor.type, tensor.bytes), values);
  }
  const DType dtype = ElementType(tensor.type);
  std::vector<std::byte> elements(values.size() * DTypeSize(dtype));
  UnpackTiles(tensor.layout, DTypeSize(dtype), tensor.bytes, elements);
  DecodeToFloat(dtype, elements.data(), values);
}

uint64_t LevelPrefixBytes(const BundleTensor& tensor, const ModelConfig& config,
                          const Level& level) {
  const uint64_t kept = KeptUnits(tensor.spec, config, level.layers[tensor.spec.layer]);
  return tensor.layout.PrefixBytes(tensor.type, kept);
}

uint64_t LevelBytes(const BundleView& view, const Level& level) {
  uint64_t sum = 0;
  for (const BundleTensor& tensor : view.tensors) {
    sum += LevelPrefixBytes(tensor, view.config, level);
  }
  return sum;
}

Result<std::shared_ptr<const Bundle>> Bundle::Open(const std::string& path,
                                                   MappedFile::Access access) {
  ELM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path, access));
  ELM_ASSIGN_OR_RETURN(BundleView view, ParseBundle(file.bytes(), path));
  return std::shared_ptr<const Bundle>(new Bundle(std::move(file), std::move(view)));
}

Bundle::Bundle(MappedFile file, BundleView view)
    : file_(std::move(file)), view_(std::move(view)), by_role_(view_.config.layers * kRoles) {
  for (const BundleTensor& tensor : view_.tensors) {
    by_role_[IndexOf(tensor.spec.role, tensor.spec.layer)] = &tensor;
  }
}

const BundleTensor* Bundle::FindTensor(TensorRole role, uint32_t layer) const {
  return layer < view_.config.layers ? by_role_[IndexOf(role, layer)] : nullptr;
}

const BundleAdapter* Bundle::FindAdapter(size_t level) const {
  for (const BundleAdapter& adapter : view_.adapters) {
    if (adapter.level == level) return &adapter;
  }
  return nullptr;
}

uint64_t Bundle::LevelBytes(size_t level) const {
  return elm::LevelBytes(view_, view_.levels.levels[level]);
}

void Bundle::AdviseLevel(size_t level) const {
  for (const BundleTensor& tensor : view_.tensors) {
    file_.WillNeed(tensor.offset,
                   LevelPrefixBytes(tensor, view_.config, view_.levels.levels[level]));
  }
  if (const BundleAdapter* adapter = FindAdapter(level)) {
    file_.WillNeed(adapter->offset, adapter->plan.size);
  }
}

Status Bundle::VerifyWeights() const {
  // Random access switches the kernel's read-ahead off, so each piece is asked for; pages that were
  // read stay in the page cache, which gives them up when memory is short.
  return VerifyBulk(file_.bytes(), view_, path(),
                    [this](uint64_t offset, uint64_t size) { file_.WillNeed(offset, size); });
}

}  // namespace elm
