// The tensors section: one TensorRecord per tensor of ListTensors().

#include <utility>

#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"
#include "formats/elm/tensor_record.h"

namespace elm {
namespace {

using layout::TensorLayout;
using layout::TensorRecord;

// Roles and element types are stored as numbers.
static_assert(static_cast<int>(TensorRole::kEmbedding) == 0 &&
              static_cast<int>(TensorRole::kDown) == 9 &&
              static_cast<int>(TensorRole::kHead) == 11);
static_assert(static_cast<int>(WeightType::kF32) == 1 && static_cast<int>(WeightType::kBf16) == 3 &&
              static_cast<int>(WeightType::kQ4) == 5);

// Role, layer and shape are those of the canonical list, so nothing is identified by position
// alone.
Result<BundleTensor> ParseTensor(const TensorRecord& record, TensorSpec spec,
                                 const TensorPlace& place) {
  ELM_RETURN_IF_ERROR(ExpectEqual("role", record.role, spec.role));
  ELM_RETURN_IF_ERROR(ExpectEqual("layer", record.layer, spec.layer));
  BundleTensor tensor;
  ELM_ASSIGN_OR_RETURN(static_cast<BundleStorage&>(tensor),
                       ParseStorage(record, spec.rows, spec.columns, LayoutOf(spec.role), place));
  tensor.spec = std::move(spec);
  return tensor;
}

}  // namespace

TensorLayout LayoutOf(TensorRole role) {
  switch (role) {
    case TensorRole::kAttentionNorm:
    case TensorRole::kMlpNorm:
    case TensorRole::kFinalNorm:
      return TensorLayout::kVector;
    case TensorRole::kOutput:
    case TensorRole::kDown:
      return TensorLayout::kInputMajor;
    case TensorRole::kEmbedding:
    case TensorRole::kQuery:
    case TensorRole::kKey:
    case TensorRole::kValue:
    case TensorRole::kGate:
    case TensorRole::kUp:
    case TensorRole::kHead:
      return TensorLayout::kOutputMajor;
  }
  return TensorLayout::kVector;
}

std::vector<std::byte> EncodeTensors(std::span<const TensorRecord> records) {
  const auto bytes = std::as_bytes(records);
  return {bytes.begin(), bytes.end()};
}

Result<std::vector<BundleTensor>> ParseTensors(std::span<const std::byte> section,
                                               const ModelConfig& config, uint64_t weights_offset,
                                               uint64_t weights_size) {
  std::vector<TensorSpec> specs = ListTensors(config);
  if (section.size() != specs.size() * sizeof(TensorRecord)) {
    return Corruption("size is ", section.size(), " bytes, expected ",
                      specs.size() * sizeof(TensorRecord), " for the ", specs.size(),
                      " tensors of this model");
  }
  std::vector<BundleTensor> tensors;
  tensors.reserve(specs.size());
  uint64_t end = 0;  // in the weights section
  ByteCursor cursor(section);
  for (TensorSpec& spec : specs) {
    const auto record = cursor.Next<TensorRecord>();
    const std::string name = spec.name;
    auto tensor = ParseTensor(record, std::move(spec), {end, weights_size, "weights"});
    if (!tensor.ok()) return tensor.status().In(name);
    end = tensor->offset + tensor->size;
    tensor->offset += weights_offset;
    tensors.push_back(std::move(tensor).value());
  }
  if (end != weights_size) {
    return Corruption("the last tensor ends at byte ", end, " of the weights section, expected ",
                      weights_size);
  }
  return tensors;
}

}  // namespace elm
