// Matrix products over the tiled layout of .elm files (formats/elm/tile_layout.h), read in place.
//
// Weights are f32, f16 or bf16 and become float32 as they are loaded; activations and sums are
// float32. A product of many tokens loads each tile from memory once for all of them.
#pragma once

#include <cstddef>
#include <span>

#include "formats/base/dtype.h"
#include "formats/base/status.h"
#include "formats/elm/tile_layout.h"

namespace elm {

// A view of a tiled matrix [rows, columns]; the bytes belong to the bundle. Output-major order is
// one panel that holds all inputs, so both orders are walked alike.
struct Matrix {
  const std::byte* tiles = nullptr;
  DType dtype = DType::kF32;
  layout::TensorLayout order = layout::TensorLayout::kOutputMajor;
  size_t rows = 0;            // outputs
  size_t columns = 0;         // inputs
  size_t stored_rows = 0;     // rounded up to whole tiles
  size_t stored_columns = 0;  // rounded up to whole tiles
  size_t panel_columns = 0;   // inputs per panel
};

// Fails with kUnsupported for tiles that these kernels do not read (another number of outputs per
// tile, an interleave) and with kCorruption when `bytes` is shorter than the layout says.
Result<Matrix> MakeMatrix(std::span<const std::byte> bytes, DType dtype, const TileLayout& layout);

// Rows of activations, `stride` floats apart.
struct InputRows {
  const float* data;
  size_t stride;
};
struct OutputRows {
  float* data;
  size_t stride;
};

// outputs[t, 0:kept] = matrix[0:kept, :] inputs[t, :] for each of `tokens` rows. The matrix is
// output-major, kept <= rows; nothing is written behind the kept outputs.
void MatMulOutputCut(const Matrix& matrix, size_t kept, size_t tokens, InputRows inputs,
                     OutputRows outputs);

// outputs[t, :] += matrix[:, 0:kept] inputs[t, 0:kept] for each of `tokens` rows. The matrix is
// input-major, kept <= columns; inputs behind the kept ones are not read.
void AddMatMulInputCut(const Matrix& matrix, size_t kept, size_t tokens, InputRows inputs,
                       OutputRows outputs);

// values[0:columns] = matrix[row, :] of an output-major matrix: one token's embedding.
void DecodeRow(const Matrix& matrix, size_t row, float* values);

}  // namespace elm
