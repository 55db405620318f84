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

// Calls visit(tile number, first row, first column) for every tile, in stored order.
template <typename Visit>
void ForEachTile(const TileLayout& layout, const Visit& visit) {
  const bool by_panels = layout.order == layout::TensorLayout::kInputMajor;
  const uint64_t panel = by_panels ? layout.panel_columns : layout.columns;
  uint64_t tile = 0;
  for (uint64_t first = 0; first < layout.columns; first += panel) {
    const uint64_t end = std::min(layout.columns, first + panel);
    for (uint64_t row = 0; row < layout.rows; row += layout.tile_rows) {
      for (uint64_t column = first; column < end; column += layout.tile_columns) {
        visit(tile++, row, column);
      }
    }
  }
}

// One tile's codes as stored, their type's zero point added, row-major: [tile_rows, tile_columns].
// The stored order is made from this and back, so that only this has to know about edges.
class TileCodes {
 public:
  TileCodes(const TileLayout& layout, WeightType type)
      : layout_(layout),
        type_(type),
        zero_(static_cast<uint8_t>(ZeroPoint(type))),
        codes_(size_t{layout.tile_rows} * layout.tile_columns) {}

  // Takes the tile at (row, column) out of the matrix; what lies beyond its edges is zero points.
  void Gather(const QuantisedMatrix& matrix, uint64_t row, uint64_t column) {
    const Extent extent = ExtentAt(row, column);
    if (extent.rows * extent.columns < codes_.size()) {
      std::fill(codes_.begin(), codes_.end(), zero_);
    }
    for (uint64_t r = 0; r < extent.rows; ++r) {
      const int8_t* from = &matrix.codes[(row + r) * matrix.columns + column];
      uint8_t* to = &codes_[r * layout_.tile_columns];
      for (uint64_t k = 0; k < extent.columns; ++k) to[k] = static_cast<uint8_t>(from[k] + zero_);
    }
  }

  // The inverse.
  void Scatter(QuantisedMatrix& matrix, uint64_t row, uint64_t column) const {
    const Extent extent = ExtentAt(row, column);
    for (uint64_t r = 0; r < extent.rows; ++r) {
      const uint8_t* from = &codes_[r * layout_.tile_columns];
      int8_t* to = &matrix.codes[(row + r) * matrix.columns + column];
      for (uint64_t k = 0; k < extent.columns; ++k) to[k] = static_cast<int8_t>(from[k] - zero_);
    }
  }

  void Store(std::span<std::byte> stored) const {
    ForEachByte([&](size_t byte, size_t low, size_t high) {
      const unsigned both = codes_[low] | (high == low ? 0U : unsigned{codes_[high]} << 4);
      stored[byte] = static_cast<std::byte>(both);
    });
  }

  // The inverse.
  void Load(std::span<const std::byte> stored) {
    ForEachByte([&](size_t byte, size_t low, size_t high) {
      const auto both = std::to_integer<uint8_t>(stored[byte]);
      codes_[low] = high == low ? both : both & 0x0f;
      if (high != low) codes_[high] = both >> 4;
    });
  }

 private:
  struct Extent {
    uint64_t rows;
    uint64_t columns;
  };
  Extent ExtentAt(uint64_t row, uint64_t column) const {
    return {std::min<uint64_t>(layout_.tile_rows, layout_.rows - row),
            std::min<uint64_t>(layout_.tile_columns, layout_.columns - column)};
  }

  // Calls visit(stored byte, code in its low bits, code in its high nibble) in stored order; the
  // two codes are the same one where a byte holds one only.
  template <typename Visit>
  void ForEachByte(const Visit& visit) const {
    const bool nibbles = type_ == WeightType::kQ4;
    const size_t between = nibbles ? kQuantisedInterleave : 0;  // a byte's codes, in columns
    const size_t step = kQuantisedInterleave + between;
    size_t byte = 0;
    for (size_t k = 0; k < layout_.tile_columns; k += step) {
      for (size_t r = 0; r < layout_.tile_rows; ++r) {
        const size_t first = r * layout_.tile_columns + k;
        for (size_t lane = 0; lane < kQuantisedInterleave; ++lane) {
          visit(byte++, first + lane, first + lane + between);
        }
      }
    }
  }

  const TileLayout& layout_;
  const WeightType type_;
  const uint8_t zero_;
  std::vector<uint8_t> codes_;
};

}  // namespace

void PackQuantisedTiles(const TileLayout& layout, WeightType type, const QuantisedMatrix& matrix,
                        std::span<std::byte> target) {
  TileCodes codes(layout, type);
  const uint64_t groups = matrix.groups();
  ForEachTile(layout, [&](uint64_t index, uint64_t row, uint64_t column) {
    const Tile<std::byte> tile = TileAt(layout, type, target, index);
    codes.Gather(matrix, row, column);
    codes.Store(tile.codes);
    std::fill(tile.scales.begin(), tile.scales.end(), std::byte{0});
    const uint64_t rows = std::min<uint64_t>(layout.tile_rows, layout.rows - row);
    for (uint64_t r = 0; r < rows; ++r) {
      const uint16_t scale = matrix.scales[(row + r) * groups + column / matrix.group];
      std::memcpy(&tile.scales[r * sizeof scale], &scale, sizeof scale);
    }
  });
}

QuantisedMatrix UnpackQuantisedTiles(const TileLayout& layout, WeightType type,
                                     std::span<const std::byte> source) {
  QuantisedMatrix matrix{.rows = layout.rows,
                         .columns = layout.columns,
                         .group = layout.tile_columns,
                         .codes = std::vector<int8_t>(layout.rows * layout.columns),
                         .scales = {}};
  const uint64_t groups = matrix.groups();
  matrix.scales.resize(layout.rows * groups);
  TileCodes codes(layout, type);
  ForEachTile(layout, [&](uint64_t index, uint64_t row, uint64_t column) {
    const auto tile = TileAt(layout, type, source, index);
    codes.Load(tile.codes);
    codes.Scatter(matrix, row, column);
    const uint64_t rows = std::min<uint64_t>(layout.tile_rows, layout.rows - row);
    for (uint64_t r = 0; r < rows; ++r) {
      uint16_t& scale = matrix.scales[(row + r) * groups + column / matrix.group];
      std::memcpy(&scale, &tile.scales[r * sizeof scale], sizeof scale);
    }
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
