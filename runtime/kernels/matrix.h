// Matrices in the tiled layout of .elm files (formats/elm/tile_layout.h), read in place.
#pragma once

#include <cstddef>
#include <span>

#include "formats/base/status.h"
#include "formats/elm/tile_layout.h"
#include "formats/elm/weight_type.h"

namespace elm {

// A view of a tiled matrix [rows, columns]; the bytes belong to the bundle. Output-major order is
// one panel that holds all inputs, so both orders are walked alike.
struct Matrix {
  const std::byte* tiles = nullptr;
  WeightType type = WeightType::kF32;
  layout::TensorLayout order = layout::TensorLayout::kOutputMajor;
  size_t rows = 0;            // outputs
  size_t columns = 0;         // inputs
  size_t stored_rows = 0;     // rounded up to whole tiles
  size_t stored_columns = 0;  // rounded up to whole tiles
  size_t panel_columns = 0;   // inputs per panel
  size_t tile_columns = 0;    // inputs per tile; of a quantised type: those that share a scale
  size_t tile_bytes = 0;
  size_t tiles_across = 0;  // along the inputs
  size_t panel_tiles = 0;   // of them in a panel; the last panel may hold fewer

  size_t tile_rows() const { return stored_rows / kTileRows; }

  static constexpr size_t kTileRows = 16;  // outputs per tile
};

// Fails with kUnsupported for tiles that these kernels do not read (another number of outputs per
// tile, another interleave than the type is written with) and with kCorruption when `bytes` is
// shorter than the layout says.
Result<Matrix> MakeMatrix(std::span<const std::byte> bytes, WeightType type,
                          const TileLayout& layout);

// values[0:columns] = matrix[row, :] of an output-major matrix: one token's embedding.
void DecodeRow(const Matrix& matrix, size_t row, float* values);

}  // namespace elm
