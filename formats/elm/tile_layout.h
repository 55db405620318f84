// Where a matrix element lies inside a stored tensor.
//
// A tile holds R outputs x C inputs, inputs outermost: element (output r, input k) of a tile lies
// at
// ((k / I) * R + r) * I + k % I, with I the interleave. So a kernel broadcasts one input (or I of
// them) and multiplies it into R neighbouring outputs held in vector registers.
//
//   kOutputMajor: tiles of outputs 0..R-1 for all inputs, then outputs R..2R-1, ... A prefix of the
//                 outputs is a prefix of the bytes.
//   kInputMajor:  panels of P inputs outermost; inside a panel tiles of outputs 0..R-1 for its
//   inputs,
//                 then R..2R-1, ... A prefix of the inputs is a prefix of the bytes.
//
// Edges are padded to whole tiles (and the last panel to whole tiles, not to a whole panel) with
// zero elements, so that one address formula serves every element. A reader never computes with
// padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "formats/base/checked_math.h"
#include "formats/base/dtype.h"
#include "formats/elm/layout.h"
#include "formats/elm/weight_type.h"

namespace elm {

struct TileLayout {
  layout::TensorLayout order = layout::TensorLayout::kVector;
  uint32_t tile_rows = 0;      // R
  uint32_t tile_columns = 0;   // C
  uint32_t panel_columns = 0;  // P, only for kInputMajor
  uint32_t interleave = 1;     // I
  uint64_t rows = 0;           // outputs
  uint64_t columns = 0;        // inputs

  bool operator==(const TileLayout&) const = default;

  // Element index (not bytes) of (row, column). For a vector: the column.
  uint64_t ElementIndex(uint64_t row, uint64_t column) const;

  // Bytes of one tile: its elements, and the scales of a quantised type (quantised_tiles.h). For a
  // vector: of one element.
  uint64_t TileBytes(WeightType type) const;

  // Bytes stored, padding included; nothing on overflow.
  std::optional<uint64_t> StoredBytes(WeightType type) const;

  // PrefixElements() in bytes.
  uint64_t PrefixBytes(WeightType type, uint64_t kept) const;

  // Elements stored, padding included; nothing on overflow.
  std::optional<uint64_t> StoredElements() const;

  // Elements of the contiguous run of whole tiles, from the start, that the first `kept` outputs
  // (kOutputMajor) or inputs (kInputMajor) lie in. Vectors are never cut: all of it.
  uint64_t PrefixElements(uint64_t kept) const;
};

// The layouts that this version writes: R = 16; C = P = 32 and I = 1 for f32 and f16, I = 2 for
// bf16. Quantised types have I = 4, and C = P = `group`.
TileLayout VectorLayout(uint64_t columns);
TileLayout OutputMajorLayout(uint64_t rows, uint64_t columns, WeightType type = WeightType::kF16,
                             uint32_t group = 32);
TileLayout InputMajorLayout(uint64_t rows, uint64_t columns, WeightType type = WeightType::kF16,
                            uint32_t group = 32);

// Rearranges a row-major matrix of `element_size`-byte elements (2 or 4) into stored order, padding
// included. `source` holds rows * columns elements, `target` StoredElements().
void PackTiles(const TileLayout& layout, size_t element_size, std::span<const std::byte> source,
               std::span<std::byte> target);

// The inverse, for dumping and verification.
void UnpackTiles(const TileLayout& layout, size_t element_size, std::span<const std::byte> source,
                 std::span<std::byte> target);

}  // namespace elm
