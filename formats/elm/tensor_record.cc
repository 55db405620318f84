#include "formats/elm/tensor_record.h"

#include "formats/base/checked_math.h"
#include "formats/elm/quantised_tiles.h"

namespace elm {
namespace {

using layout::TensorLayout;
using layout::TensorRecord;

Status ExpectRange(const char* field, uint32_t actual, uint32_t least, uint32_t most) {
  if (actual >= least && actual <= most) return Status::Ok();
  return Corruption(field, " is ", actual, ", expected ", least, " to ", most);
}

Status CheckDType(const TensorRecord& record, TensorLayout order) {
  if (order == TensorLayout::kVector) return ExpectEqual("dtype", record.dtype, WeightType::kF32);
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
    ELM_RETURN_IF_ERROR(ExpectEqual("tile_rows", record.tile_rows, 0));
    ELM_RETURN_IF_ERROR(ExpectEqual("tile_columns", record.tile_columns, 0));
    ELM_RETURN_IF_ERROR(ExpectEqual("panel_columns", record.panel_columns, 0));
    return ExpectEqual("interleave", record.interleave, 1);
  }
  ELM_RETURN_IF_ERROR(ExpectRange("tile_rows", record.tile_rows, 1, layout::kMaxTileRows));
  ELM_RETURN_IF_ERROR(ExpectRange("tile_columns", record.tile_columns, 1, layout::kMaxTileColumns));
  if (record.interleave == 0 || record.tile_columns % record.interleave != 0) {
    return Corruption("interleave is ", uint32_t{record.interleave},
                      ", expected a divisor of tile_columns ", record.tile_columns);
  }
  if (IsQuantised(static_cast<WeightType>(record.dtype))) {
    ELM_RETURN_IF_ERROR(ExpectEqual("interleave", record.interleave, kQuantisedInterleave));
    if (record.tile_columns % kGroupGranularity != 0) {
      return Corruption("tile_columns is ", record.tile_columns, ", expected a multiple of ",
                        kGroupGranularity, " for a quantised type");
    }
  }
  if (order != TensorLayout::kInputMajor) {
    return ExpectEqual("panel_columns", record.panel_columns, 0);
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

Status CheckExtent(const TensorRecord& record, const TileLayout& tiles, const TensorPlace& place) {
  ELM_RETURN_IF_ERROR(
      ExpectEqual("offset", record.offset, AlignUp(place.previous_end, layout::kTensorAlignment)));
  const auto size = tiles.StoredBytes(static_cast<WeightType>(record.dtype));
  if (!size) return Corruption("rows and columns overflow");
  ELM_RETURN_IF_ERROR(ExpectEqual("size", record.size, *size));
  if (RangeFits(record.offset, record.size, place.section_size)) return Status::Ok();
  return Corruption("offset ", record.offset, " and size ", record.size, " lie outside the ",
                    place.section, " section of ", place.section_size, " bytes");
}

}  // namespace

Result<BundleStorage> ParseStorage(const TensorRecord& record, uint64_t rows, uint64_t columns,
                                   TensorLayout order, const TensorPlace& place) {
  ELM_RETURN_IF_ERROR(ExpectEqual("rows", record.rows, rows));
  ELM_RETURN_IF_ERROR(ExpectEqual("columns", record.columns, columns));
  ELM_RETURN_IF_ERROR(ExpectEqual("layout", record.layout, order));
  ELM_RETURN_IF_ERROR(ExpectEqual("reserved", record.reserved, 0));
  ELM_RETURN_IF_ERROR(ExpectEqual("reserved2", record.reserved2, 0));
  ELM_RETURN_IF_ERROR(CheckDType(record, order));
  ELM_RETURN_IF_ERROR(CheckTiles(record));
  BundleStorage storage;
  storage.layout = TilesOf(record);
  ELM_RETURN_IF_ERROR(CheckExtent(record, storage.layout, place));
  storage.type = static_cast<WeightType>(record.dtype);
  storage.offset = record.offset;
  storage.size = record.size;
  storage.hash = record.hash;
  return storage;
}

}  // namespace elm
