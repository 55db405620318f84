#include "formats/model/unit_order.h"

#include <algorithm>
#include <numeric>

namespace elm {
namespace {

std::vector<uint32_t> Identity(uint32_t count) {
  std::vector<uint32_t> indices(count);
  std::iota(indices.begin(), indices.end(), 0U);
  return indices;
}

Status ValidatePermutation(const char* what, const std::vector<uint32_t>& indices,
                           uint32_t expected) {
  if (indices.size() != expected) {
    return Corruption(what, " has ", indices.size(), " entries, expected ", expected);
  }
  std::vector<bool> seen(expected, false);
  for (size_t i = 0; i < indices.size(); ++i) {
    const uint32_t index = indices[i];
    if (index >= expected) {
      return Corruption(what, "[", i, "] is ", index, ", expected below ", expected);
    }
    if (seen[index]) return Corruption(what, "[", i, "] is ", index, " for the second time");
    seen[index] = true;
  }
  return Status::Ok();
}

Status ValidateLayer(const LayerOrder& order, const ModelConfig& config) {
  ELM_RETURN_IF_ERROR(ValidatePermutation("query_heads", order.query_heads, config.query_heads));
  ELM_RETURN_IF_ERROR(ValidatePermutation("kv_heads", order.kv_heads, config.kv_heads));
  ELM_RETURN_IF_ERROR(ValidatePermutation("neurons", order.neurons, config.neurons));
  const std::vector<uint32_t> by_first_use = KvHeadsByFirstUse(order.query_heads, config);
  for (size_t i = 0; i < by_first_use.size(); ++i) {
    if (order.kv_heads[i] != by_first_use[i]) {
      return Corruption("kv_heads[", i, "] is ", order.kv_heads[i], ", expected ", by_first_use[i],
                        ": KV heads are ordered by first use");
    }
  }
  return Status::Ok();
}

// Whole heads move: every head index becomes `head_dim` consecutive element indices.
std::vector<uint32_t> ExpandHeads(const std::vector<uint32_t>& heads, uint32_t head_dim) {
  std::vector<uint32_t> elements;
  elements.reserve(heads.size() * head_dim);
  for (uint32_t head : heads) {
    for (uint32_t d = 0; d < head_dim; ++d) elements.push_back(head * head_dim + d);
  }
  return elements;
}

void PermuteRows(const TensorSpec& spec, std::span<const uint32_t> indices,
                 std::span<const float> source, std::span<float> target) {
  for (uint64_t row = 0; row < spec.rows; ++row) {
    const auto from = source.subspan(indices[row] * spec.columns, spec.columns);
    std::copy(from.begin(), from.end(), target.begin() + row * spec.columns);
  }
}

void PermuteColumns(const TensorSpec& spec, std::span<const uint32_t> indices,
                    std::span<const float> source, std::span<float> target) {
  for (uint64_t row = 0; row < spec.rows; ++row) {
    const auto from = source.subspan(row * spec.columns, spec.columns);
    const auto to = target.subspan(row * spec.columns, spec.columns);
    for (uint64_t column = 0; column < spec.columns; ++column) to[column] = from[indices[column]];
  }
}

}  // namespace

UnitOrder IdentityOrder(const ModelConfig& config) {
  const LayerOrder layer{Identity(config.query_heads), Identity(config.kv_heads),
                         Identity(config.neurons)};
  return {std::vector<LayerOrder>(config.layers, layer)};
}

std::vector<uint32_t> KvHeadsByFirstUse(std::span<const uint32_t> query_heads,
                                        const ModelConfig& config) {
  std::vector<uint32_t> kv_heads;
  std::vector<bool> used(config.kv_heads, false);
  for (uint32_t query_head : query_heads) {
    const uint32_t kv_head = query_head / config.queries_per_kv();
    if (!used[kv_head]) kv_heads.push_back(kv_head);
    used[kv_head] = true;
  }
  return kv_heads;
}

std::vector<uint16_t> KvOf(const LayerOrder& order, const ModelConfig& config) {
  const std::vector<uint32_t> kv_heads = KvHeadsByFirstUse(order.query_heads, config);
  std::vector<uint16_t> stored_position(config.kv_heads, 0);
  for (size_t i = 0; i < kv_heads.size(); ++i) {
    stored_position[kv_heads[i]] = static_cast<uint16_t>(i);
  }
  std::vector<uint16_t> kv_of;
  kv_of.reserve(order.query_heads.size());
  for (uint32_t query_head : order.query_heads) {
    kv_of.push_back(stored_position[query_head / config.queries_per_kv()]);
  }
  return kv_of;
}

Status Validate(const UnitOrder& order, const ModelConfig& config) {
  if (order.layers.size() != config.layers) {
    return Corruption("unit order covers ", order.layers.size(), " layers, expected ",
                      config.layers);
  }
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    ELM_RETURN_IF_ERROR(
        ValidateLayer(order.layers[layer], config).In(StrCat("unit order: layer ", layer)));
  }
  return Status::Ok();
}

TensorPermutation PermutationOf(const TensorSpec& spec, const UnitOrder& order,
                                const ModelConfig& config) {
  using Axis = TensorPermutation::Axis;
  switch (spec.role) {
    case TensorRole::kQuery:
      return {Axis::kRows, ExpandHeads(order.layers[spec.layer].query_heads, config.head_dim)};
    case TensorRole::kKey:
    case TensorRole::kValue:
      return {Axis::kRows, ExpandHeads(order.layers[spec.layer].kv_heads, config.head_dim)};
    case TensorRole::kOutput:
      return {Axis::kColumns, ExpandHeads(order.layers[spec.layer].query_heads, config.head_dim)};
    case TensorRole::kGate:
    case TensorRole::kUp:
      return {Axis::kRows, order.layers[spec.layer].neurons};
    case TensorRole::kDown:
      return {Axis::kColumns, order.layers[spec.layer].neurons};
    case TensorRole::kEmbedding:
    case TensorRole::kAttentionNorm:
    case TensorRole::kMlpNorm:
    case TensorRole::kFinalNorm:
    case TensorRole::kHead:
      break;
  }
  return {};
}

void Permute(const TensorSpec& spec, const TensorPermutation& permutation,
             std::span<const float> source, std::span<float> target) {
  if (permutation.indices.empty()) {
    std::copy(source.begin(), source.end(), target.begin());
  } else if (permutation.axis == TensorPermutation::Axis::kRows) {
    PermuteRows(spec, permutation.indices, source, target);
  } else {
    PermuteColumns(spec, permutation.indices, source, target);
  }
}

}  // namespace elm
