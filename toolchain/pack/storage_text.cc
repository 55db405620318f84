#include "toolchain/pack/storage_text.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <vector>

namespace elm {
namespace {

struct Kind {
  TensorRole role;
  const char* name;
};
constexpr Kind kKinds[] = {
    {TensorRole::kEmbedding, "embedding"},
    {TensorRole::kQuery, "q"},
    {TensorRole::kKey, "k"},
    {TensorRole::kValue, "v"},
    {TensorRole::kOutput, "o"},
    {TensorRole::kGate, "gate"},
    {TensorRole::kUp, "up"},
    {TensorRole::kDown, "down"},
    {TensorRole::kHead, "head"},
};

bool OfLayer(TensorRole role) {
  return role != TensorRole::kEmbedding && role != TensorRole::kHead;
}

// "q4 in groups of 32", "f16".
std::string StorageName(const BundleTensor& tensor) {
  std::string name = WeightTypeName(tensor.type);
  if (IsQuantised(tensor.type)) name += StrCat(" in groups of ", tensor.layout.tile_columns);
  return name;
}

// The type that most weights of the layers have.
WeightType UsualType(const Bundle& bundle) {
  std::map<WeightType, uint64_t> weights;
  for (const BundleTensor& tensor : bundle.view().tensors) {
    if (!tensor.spec.is_vector() && OfLayer(tensor.spec.role)) {
      weights[tensor.type] += tensor.spec.rows * tensor.spec.columns;
    }
  }
  return std::max_element(weights.begin(), weights.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

uint32_t LongestGroup(const Bundle& bundle) {
  uint32_t longest = 0;
  for (const BundleTensor& tensor : bundle.view().tensors) {
    if (IsQuantised(tensor.type)) longest = std::max(longest, tensor.layout.tile_columns);
  }
  return longest;
}

// Why a matrix's group is shorter than the others', or why it has none.
std::string Reason(const BundleTensor& tensor, const Bundle& bundle) {
  const TensorSpec& spec = tensor.spec;
  if (spec.role == TensorRole::kOutput) {
    return StrCat("a group may not straddle heads, which have ", bundle.config().head_dim,
                  " inputs");
  }
  uint64_t border = spec.columns;
  if (spec.role == TensorRole::kDown) {
    for (const Level& level : bundle.levels().levels) {
      border = std::gcd(border, uint64_t{level.layers[spec.layer].neurons});
    }
  }
  if (border == spec.columns) return StrCat("its ", border, " inputs divide into no longer ones");
  return StrCat("the levels cut its inputs at multiples of ", border);
}

// "12 x q4 in groups of 64, 10 x q4 in groups of 32 (...)" for all matrices of a role.
std::string KindText(const std::vector<const BundleTensor*>& tensors, const Bundle& bundle) {
  struct Storage {
    size_t count = 0;
    const BundleTensor* example = nullptr;
  };
  std::map<std::string, Storage> kinds;
  for (const BundleTensor* tensor : tensors) {
    Storage& storage = kinds[StorageName(*tensor)];
    ++storage.count;
    storage.example = tensor;
  }
  const bool quantised = IsQuantised(UsualType(bundle));
  std::string text;
  for (const auto& [name, storage] : kinds) {
    text += text.empty() ? "" : "; ";
    if (kinds.size() > 1) text += StrCat(storage.count, " x ");
    text += name;
    const BundleTensor& example = *storage.example;
    const bool fell_back = OfLayer(example.spec.role) && quantised && !IsQuantised(example.type);
    const bool shorter =
        IsQuantised(example.type) && example.layout.tile_columns < LongestGroup(bundle);
    if (fell_back || shorter) text += StrCat(" (", Reason(example, bundle), ")");
  }
  return text;
}

}  // namespace

BitsPerWeight MeasureBitsPerWeight(const Bundle& bundle) {
  double weights = 0;
  double layer_weights = 0;
  double layer_bytes = 0;
  for (const BundleTensor& tensor : bundle.view().tensors) {
    const double count = static_cast<double>(tensor.spec.rows * tensor.spec.columns);
    weights += count;
    if (tensor.spec.is_vector() || !OfLayer(tensor.spec.role)) continue;
    layer_weights += count;
    layer_bytes += static_cast<double>(tensor.size);
  }
  return {8 * static_cast<double>(bundle.file_size()) / weights, 8 * layer_bytes / layer_weights};
}

std::string StorageText(const Bundle& bundle) {
  std::string text;
  for (const Kind& kind : kKinds) {
    std::vector<const BundleTensor*> tensors;
    for (const BundleTensor& tensor : bundle.view().tensors) {
      if (tensor.spec.role == kind.role) tensors.push_back(&tensor);
    }
    if (tensors.empty()) continue;
    char name[32];
    std::snprintf(name, sizeof name, "  %-10s ", kind.name);
    text += name + KindText(tensors, bundle) + "\n";
  }
  const BitsPerWeight bits = MeasureBitsPerWeight(bundle);
  char line[96];
  std::snprintf(line, sizeof line, "  %.2f bits per weight in the layers, %.2f in the whole file\n",
                bits.layers, bits.file);
  return text + line;
}

}  // namespace elm
