#include "runtime/kernels/matrix.h"

#include <cstring>

#include "formats/base/checked_math.h"

namespace elm {
namespace {

constexpr size_t kLanes = Matrix::kTileRows;

uint32_t InterleaveOf(WeightType type) {
  if (IsQuantised(type)) return 4;
  return type == WeightType::kBf16 ? 2 : 1;
}

// One output of one tile.
void DecodeTileRow(const Matrix& matrix, const std::byte* tile, size_t lane, size_t columns,
                   float* values) {
  const size_t element_size = ElementBits(matrix.type) / 8;
  const size_t interleave = InterleaveOf(matrix.type);
  for (size_t k = 0; k < columns; ++k) {
    const size_t element = (k / interleave * kLanes + lane) * interleave + k % interleave;
    DecodeToFloat(ElementType(matrix.type), tile + element * element_size, {values + k, 1});
  }
}

void DecodeQuantisedTileRow(const Matrix& matrix, const std::byte* tile, size_t lane,
                            size_t columns, float* values) {
  uint16_t half;
  std::memcpy(&half, tile + matrix.tile_bytes - (kLanes - lane) * sizeof half, sizeof half);
  const float scale = F16ToFloat(half);
  const int zero = ZeroPoint(matrix.type);
  for (size_t k = 0; k < columns; ++k) {
    const size_t in_run = lane * 4 + k % 4;
    const size_t run = k / 4;
    unsigned code;
    if (matrix.type == WeightType::kQ8) {
      code = std::to_integer<unsigned>(tile[run * kLanes * 4 + in_run]);
    } else {
      const auto byte = std::to_integer<unsigned>(tile[run / 2 * kLanes * 4 + in_run]);
      code = run % 2 == 0 ? byte & 0x0fU : byte >> 4;
    }
    values[k] = scale * static_cast<float>(static_cast<int>(code) - zero);
  }
}

}  // namespace

Result<Matrix> MakeMatrix(std::span<const std::byte> bytes, WeightType type,
                          const TileLayout& layout) {
  if (layout.order == layout::TensorLayout::kVector) {
    return Unsupported("a matrix is stored as a plain vector, expected tiles");
  }
  if (layout.tile_rows != kLanes || layout.interleave != InterleaveOf(type) ||
      layout.tile_columns == 0 || layout.tile_columns % layout.interleave != 0) {
    return Unsupported("tiles of ", layout.tile_rows, " x ", layout.tile_columns,
                       " with interleave ", layout.interleave, ", this build reads ", kLanes,
                       " outputs with interleave ", InterleaveOf(type), " for ",
                       WeightTypeName(type));
  }
  if (IsQuantised(type) && layout.tile_columns % 8 != 0) {
    return Unsupported("groups of ", layout.tile_columns, " inputs, expected a multiple of 8");
  }
  const bool input_major = layout.order == layout::TensorLayout::kInputMajor;
  if (input_major &&
      (layout.panel_columns == 0 || layout.panel_columns % layout.tile_columns != 0)) {
    return Corruption("panels of ", layout.panel_columns,
                      " inputs, expected a multiple of the tile's ", layout.tile_columns);
  }
  const std::optional<uint64_t> stored = layout.StoredBytes(type);
  if (!stored || *stored > bytes.size()) {
    return Corruption("holds ", bytes.size(), " bytes, too few for ", layout.rows, " x ",
                      layout.columns, " ", WeightTypeName(type));
  }
  Matrix matrix;
  matrix.tiles = bytes.data();
  matrix.type = type;
  matrix.order = layout.order;
  matrix.rows = layout.rows;
  matrix.columns = layout.columns;
  matrix.stored_rows = AlignUp(layout.rows, layout.tile_rows);
  matrix.stored_columns = AlignUp(layout.columns, layout.tile_columns);
  matrix.panel_columns = input_major ? layout.panel_columns : matrix.stored_columns;
  matrix.tile_columns = layout.tile_columns;
  matrix.tile_bytes = layout.TileBytes(type);
  matrix.tiles_across = matrix.stored_columns / matrix.tile_columns;
  matrix.panel_tiles = matrix.panel_columns / matrix.tile_columns;
  return matrix;
}

void DecodeRow(const Matrix& matrix, size_t row, float* values) {
  const size_t tiles_across = matrix.stored_columns / matrix.tile_columns;
  const std::byte* tile = matrix.tiles + row / kLanes * tiles_across * matrix.tile_bytes;
  const auto decode = IsQuantised(matrix.type) ? DecodeQuantisedTileRow : DecodeTileRow;
  for (size_t first = 0; first < matrix.columns; first += matrix.tile_columns) {
    const size_t columns =
        first + matrix.tile_columns < matrix.columns ? matrix.tile_columns : matrix.columns - first;
    decode(matrix, tile, row % kLanes, columns, values + first);
    tile += matrix.tile_bytes;
  }
}

}  // namespace elm
