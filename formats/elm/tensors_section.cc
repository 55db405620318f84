// The tensors section: one TensorRecord per tensor of ListTensors().

#include <utility>

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/quantised_tiles.h"
#include "formats/elm/section_codec.h"

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

template <typename Actual, typename Expected>
Status Expect(const char* field, Actual actual, Expected expected) {
  const auto wide = static_cast<uint64_t>(actual);
  if (wide == static_cast<uint64_t>(expected)) return Status::Ok();
  return Corruption(field, " is ", wide, ", expected ", static_cast<uint64_t>(expected));
}

Status ExpectRange(const char* field, uint32_t actual, uint32_t least, uint32_t most) {
  if (actual >= least && actual <= most) return Status::Ok();
  return Corruption(field, " is ", actual, ", expected ", least, " to ", most);
}

// Role, layer and shape are those of the canonical list, so nothing is identified by position
// alone.
Status CheckIdentity(const TensorRecord& record, const TensorSpec& spec) {
  ELM_RETURN_IF_ERROR(Expect("role", record.role, spec.role));
  ELM_RETURN_IF_ERROR(Expect("layer", record.layer, spec.layer));
  ELM_RETURN_IF_ERROR(Expect("rows", record.rows, spec.rows));
  ELM_RETURN_IF_ERROR(Expect("columns", record.columns, spec.columns));
  ELM_RETURN_IF_ERROR(Expect("layout", record.layout, LayoutOf(spec.role)));
  ELM_RETURN_IF_ERROR(Expect("reserved", record.reserved, 0));
  return Expect("reserved2", record.reserved2, 0);
}

Status CheckDType(const TensorRecord& record, const TensorSpec& spec) {
  if (spec.is_vector()) return Expect("dtype", record.dtype, WeightType::kF32);
  if (record.dtype >= static_cast<uint8_t>(WeightType::kF32) &&
      record.dtype <= static_cast<uint8_t>(WeightType::kQ4)) {
    return Status::Ok();
  }
  return Unsupported("dtype is ", uint32_t{record.dtype}, ", this reader knows 1 (f32), 2 (f16), ",
                     "3 (bf16), 4 (q8) and 5 (q4)");
}

Status CheckTiles(const TensorRecord& record) {
  const auto order = static_cast<TensorLayout>(record.layout);
  if (order == TensorLayout::kVector) {
    ELM_RETURN_IF_ERROR(Expect("tile_rows", record.tile_rows, 0));
    ELM_RETURN_IF_ERROR(Expect("tile_columns", record.tile_columns, 0));
    ELM_RETURN_IF_ERROR(Expect("panel_columns", record.panel_columns, 0));
    return Expect("interleave", record.interleave, 1);
  }
  ELM_RETURN_IF_ERROR(ExpectRange("tile_rows", record.tile_rows, 1, layout::kMaxTileRows));
  ELM_RETURN_IF_ERROR(ExpectRange("tile_columns", record.tile_columns, 1, layout::kMaxTileColumns));
  if (record.interleave == 0 || record.tile_columns % record.interleave != 0) {
    return Corruption("interleave is ", uint32_t{record.interleave},
                      ", expected a divisor of tile_columns ", record.tile_columns);
  }
  if (IsQuantised(static_cast<WeightType>(record.dtype))) {
    ELM_RETURN_IF_ERROR(Expect("interleave", record.interleave, kQuantisedInterleave));
    if (record.tile_columns % kGroupGranularity != 0) {
      return Corruption("tile_columns is ", record.tile_columns, ", expected a multiple of ",
                        kGroupGranularity, " for a quantised type");
    }
  }
  if (order != TensorLayout::kInputMajor) {
    return Expect("panel_columns", record.panel_columns, 0);
  }
  ELM_RETURN_IF_ERROR(
      ExpectRange("panel_columns", record.panel_columns, 1, layout::kMaxPanelColumns));
  if (record.panel_columns % record.tile_columns != 0) {
    return Corruption("panel_columns is ", record.panel_columns,
                      ", expected a multiple of tile_columns ", record.tile_columns);
  }
  return Status::Ok();
}

TileLayout TilesOf(const TensorRecord& record) {
  return {.order = static_cast<TensorLayout>(record.layout),
          .tile_rows = record.tile_rows,
          .tile_columns = record.tile_columns,
          .panel_columns = record.panel_columns,
          .interleave = record.interleave,
          .rows = record.rows,
          .columns = record.columns};
}

Status CheckExtent(const TensorRecord& record, const TileLayout& tiles, uint64_t previous_end,
                   uint64_t weights_size) {
  ELM_RETURN_IF_ERROR(
      Expect("offset", record.offset, AlignUp(previous_end, layout::kTensorAlignment)));
  const auto size = tiles.StoredBytes(static_cast<WeightType>(record.dtype));
  if (!size) return Corruption("rows and columns overflow");
  ELM_RETURN_IF_ERROR(Expect("size", record.size, *size));
  if (RangeFits(record.offset, record.size, weights_size)) return Status::Ok();
  return Corruption("offset ", record.offset, " and size ", record.size,
                    " lie outside the weights section of ", weights_size, " bytes");
}

Result<BundleTensor> ParseTensor(const TensorRecord& record, TensorSpec spec, uint64_t previous_end,
                                 uint64_t weights_size) {
  ELM_RETURN_IF_ERROR(CheckIdentity(record, spec));
  ELM_RETURN_IF_ERROR(CheckDType(record, spec));
  ELM_RETURN_IF_ERROR(CheckTiles(record));
  BundleTensor tensor;
  tensor.layout = TilesOf(record);
  ELM_RETURN_IF_ERROR(CheckExtent(record, tensor.layout, previous_end, weights_size));
  tensor.spec = std::move(spec);
  tensor.type = static_cast<WeightType>(record.dtype);
  tensor.offset = record.offset;
  tensor.size = record.size;
  tensor.hash = record.hash;
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
    auto tensor = ParseTensor(record, std::move(spec), end, weights_size);
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
