#include "formats/elm/quantised_tiles.h"

#include <algorithm>
#include <cstring>

namespace elm {
namespace {

// One tile's integers and scales.
template <typename Byte>
struct Tile {
  std::span<Byte> codes;
  std::span<Byte> scales;
};

template <typename Byte>
Tile<Byte> TileAt(const TileLayout& layout, WeightType type, std::span<Byte> bytes, uint64_t tile) {
  const uint64_t size = layout.TileBytes(type);
  const uint64_t codes = size - layout.tile_rows * sizeof(uint16_t);
  const std::span<Byte> whole = bytes.subspan(tile * size, size);
  return {whole.first(codes), whole.subspan(codes)};
}

// Where element `index` of a tile lies: the byte, and the bits inside it.
struct Place {
  uint64_t byte;
  unsigned shift;
};
Place PlaceOf(const TileLayout& layout, WeightType type, uint64_t index) {
  if (type == WeightType::kQ8) return {index, 0};
  const uint64_t run = uint64_t{layout.tile_rows} * kQuantisedInterleave;
  const bool high = index / run % 2 == 1;
  return {index / run / 2 * run + index % run, high ? 4U : 0U};
}

unsigned Mask(WeightType type) { return type == WeightType::kQ8 ? 0xffU : 0x0fU; }

// Calls visit(tile, element of the tile, row, column) for every element that is not padding.
template <typename Visit>
void ForEachElement(const TileLayout& layout, const Visit& visit) {
  const uint64_t elements = uint64_t{layout.tile_rows} * layout.tile_columns;
  for (uint64_t row = 0; row < layout.rows; ++row) {
    for (uint64_t column = 0; column < layout.columns; ++column) {
      const uint64_t index = layout.ElementIndex(row, column);
      visit(index / elements, index % elements, row, column);
    }
  }
}

}  // namespace

void PackQuantisedTiles(const TileLayout& layout, WeightType type, const QuantisedMatrix& matrix,
                        std::span<std::byte> target) {
  const auto zero = static_cast<unsigned>(ZeroPoint(type));
  const auto zeros = static_cast<std::byte>(type == WeightType::kQ8 ? zero : zero << 4 | zero);
  const uint64_t tiles = target.size() / layout.TileBytes(type);
  for (uint64_t i = 0; i < tiles; ++i) {
    const Tile<std::byte> tile = TileAt(layout, type, target, i);
    std::fill(tile.codes.begin(), tile.codes.end(), zeros);
    std::fill(tile.scales.begin(), tile.scales.end(), std::byte{0});
  }
  ForEachElement(layout, [&](uint64_t index, uint64_t element, uint64_t row, uint64_t column) {
    const Tile<std::byte> tile = TileAt(layout, type, target, index);
    const Place place = PlaceOf(layout, type, element);
    const auto code = static_cast<unsigned>(matrix.codes[row * matrix.columns + column] + zero);
    auto byte = std::to_integer<unsigned>(tile.codes[place.byte]);
    byte = (byte & ~(Mask(type) << place.shift)) | code << place.shift;
    tile.codes[place.byte] = static_cast<std::byte>(byte);
    if (column % matrix.group != 0) return;
    const uint16_t scale = matrix.scales[row * matrix.groups() + column / matrix.group];
    std::memcpy(&tile.scales[row % layout.tile_rows * sizeof scale], &scale, sizeof scale);
  });
}

QuantisedMatrix UnpackQuantisedTiles(const TileLayout& layout, WeightType type,
                                     std::span<const std::byte> source) {
  QuantisedMatrix matrix{.rows = layout.rows,
                         .columns = layout.columns,
                         .group = layout.tile_columns,
                         .codes = std::vector<int8_t>(layout.rows * layout.columns),
                         .scales = {}};
  matrix.scales.resize(layout.rows * matrix.groups());
  ForEachElement(layout, [&](uint64_t index, uint64_t element, uint64_t row, uint64_t column) {
    const auto tile = TileAt(layout, type, source, index);
    const Place place = PlaceOf(layout, type, element);
    const unsigned byte = std::to_integer<unsigned>(tile.codes[place.byte]);
    const auto code = static_cast<int>(byte >> place.shift & Mask(type));
    matrix.codes[row * matrix.columns + column] = static_cast<int8_t>(code - ZeroPoint(type));
    if (column % matrix.group != 0) return;
    uint16_t& scale = matrix.scales[row * matrix.groups() + column / matrix.group];
    std::memcpy(&scale, &tile.scales[row % layout.tile_rows * sizeof scale], sizeof scale);
  });
  return matrix;
}

void Dequantise(const QuantisedMatrix& matrix, std::span<float> values) {
  const uint64_t groups = matrix.groups();
  for (uint64_t row = 0; row < matrix.rows; ++row) {
    for (uint64_t group = 0; group < groups; ++group) {
      const float scale = F16ToFloat(matrix.scales[row * groups + group]);
      const uint64_t end = std::min(matrix.columns, (group + 1) * matrix.group);
      for (uint64_t k = group * matrix.group; k < end; ++k) {
        const uint64_t at = row * matrix.columns + k;
        values[at] = scale * static_cast<float>(matrix.codes[at]);
      }
    }
  }
}

std::optional<uint64_t> FindBadScale(const TileLayout& layout, WeightType type,
                                     std::span<const std::byte> source) {
  const uint64_t tiles = source.size() / layout.TileBytes(type);
  for (uint64_t i = 0; i < tiles; ++i) {
    const auto scales = TileAt(layout, type, source, i).scales;
    for (uint64_t at = 0; at < scales.size(); at += sizeof(uint16_t)) {
      uint16_t scale;
      std::memcpy(&scale, &scales[at], sizeof scale);
      constexpr uint16_t kExponent = 0x7c00;
      if ((scale & kExponent) == kExponent) return i;
    }
  }
  return std::nullopt;
}

}  // namespace elm
