// Quantised matrices: how their integers and scales lie inside tiles.
//
// A matrix of a quantised type has interleave 4 and one group of inputs per tile: its tile holds
// the R x C integers, then R scales (f16), one for each output. Integers are stored with their
// type's zero point added. An element's place is that of every tile, index(r, k) = (k / 4 * R + r)
// * 4 + k % 4:
//
//   q8: byte index(r, k).
//   q4: the run of 4 R elements that shares k / 4 is R * 4 nibbles. Two such runs, k / 4 = 2 p and
//       2 p + 1, lie in the same 4 R bytes: the even run in the low nibbles, the odd one in the
//       high.
//
// So a kernel loads 4 R bytes, masks and shifts, and has what it multiplies with four inputs that
// it broadcasts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/elm/tile_layout.h"
#include "formats/elm/weight_type.h"

namespace elm {

inline constexpr uint32_t kQuantisedInterleave = 4;
// Groups are multiples of this, so that nibbles pair up.
inline constexpr uint32_t kGroupGranularity = 8;

// A matrix as small integers: element (r, k) is code * scale of its group, k / group.
struct QuantisedMatrix {
  uint64_t rows = 0;
  uint64_t columns = 0;
  uint32_t group = 0;            // inputs that share a scale
  std::vector<int8_t> codes;     // [rows, columns], LeastCode() to GreatestCode()
  std::vector<uint16_t> scales;  // [rows, groups()], f16, finite

  uint64_t groups() const { return (columns + group - 1) / group; }
};

// Rearranges a matrix into stored order. Padding elements are zero points, their scales zero.
// `layout.tile_columns` is the group; `target` holds layout.StoredBytes(type).
void PackQuantisedTiles(const TileLayout& layout, WeightType type, const QuantisedMatrix& matrix,
                        std::span<std::byte> target);

// The inverse.
QuantisedMatrix UnpackQuantisedTiles(const TileLayout& layout, WeightType type,
                                     std::span<const std::byte> source);

// values[r, k] = code * scale, row-major.
void Dequantise(const QuantisedMatrix& matrix, std::span<float> values);

// Index of the first tile that holds a scale which is infinite or no number, or nothing.
std::optional<uint64_t> FindBadScale(const TileLayout& layout, WeightType type,
                                     std::span<const std::byte> source);

}  // namespace elm
