// Random matrices as a bundle stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/elm/quantise.h"
#include "formats/elm/tile_layout.h"
#include "runtime/kernels/matrix.h"
#include "runtime/kernels/testing/random.h"

namespace elm::testing {

struct PackedMatrix {
  std::vector<float> values;  // [rows, columns]: what the stored elements stand for
  std::vector<std::byte> bytes;
  Matrix matrix;
};

inline PackedMatrix PackRandom(const TileLayout& layout, WeightType type, uint64_t seed) {
  PackedMatrix packed{RandomFloats(layout.rows * layout.columns, seed), {}, {}};
  packed.bytes.resize(layout.StoredBytes(type).value());
  if (IsQuantised(type)) {
    const QuantisedMatrix quantised =
        QuantiseMatrix(type, ScaleSearch::kNearest, layout.tile_columns, layout.rows,
                       layout.columns, packed.values)
            .value();
    PackQuantisedTiles(layout, type, quantised, packed.bytes);
    Dequantise(quantised, packed.values);
  } else {
    const DType dtype = ElementType(type);
    std::vector<std::byte> plain(packed.values.size() * DTypeSize(dtype));
    EncodeFromFloat(dtype, packed.values, plain.data());
    DecodeToFloat(dtype, plain.data(), packed.values);
    PackTiles(layout, DTypeSize(dtype), plain, packed.bytes);
  }
  packed.matrix = MakeMatrix(packed.bytes, type, layout).value();
  return packed;
}

}  // namespace elm::testing
