#include "formats/elm/tile_layout.h"

#include <algorithm>
#include <cstring>

namespace elm {
namespace {

constexpr uint32_t kWrittenTileRows = 16;
constexpr uint32_t kWrittenTileColumns = 32;

uint32_t InterleaveOf(WeightType type) {
  if (IsQuantised(type)) return 4;
  return type == WeightType::kBf16 ? 2 : 1;
}

uint64_t TileElements(const TileLayout& layout) {
  const bool is_vector = layout.order == layout::TensorLayout::kVector;
  return is_vector ? 1 : uint64_t{layout.tile_rows} * layout.tile_columns;
}

uint64_t PaddedRows(const TileLayout& layout) { return AlignUp(layout.rows, layout.tile_rows); }
uint64_t PaddedColumns(const TileLayout& layout) {
  return AlignUp(layout.columns, layout.tile_columns);
}

// A run of tiles side by side, all inputs [first_column, first_column + width): the whole matrix
// for kOutputMajor, one panel for kInputMajor. `width` is whole tiles.
struct Panel {
  uint64_t first_column;
  uint64_t width;
  uint64_t start;  // element index of its first tile
};

Panel PanelOf(const TileLayout& layout, uint64_t column) {
  if (layout.order == layout::TensorLayout::kOutputMajor) return {0, PaddedColumns(layout), 0};
  const uint64_t first = column / layout.panel_columns * layout.panel_columns;
  const uint64_t width = std::min<uint64_t>(layout.panel_columns, PaddedColumns(layout) - first);
  return {first, width, first * PaddedRows(layout)};
}

uint64_t PanelCount(const TileLayout& layout) {
  if (layout.order == layout::TensorLayout::kOutputMajor) return 1;
  return CeilDiv(layout.columns, layout.panel_columns);
}

// Calls visit(first_row, first_column, element index) for every tile, in stored order.
template <typename Visit>
void ForEachTile(const TileLayout& layout, const Visit& visit) {
  uint64_t index = 0;
  for (uint64_t p = 0; p < PanelCount(layout); ++p) {
    const Panel panel = PanelOf(layout, p * layout.panel_columns);
    const uint64_t end = panel.first_column + panel.width;
    for (uint64_t row = 0; row < layout.rows; row += layout.tile_rows) {
      for (uint64_t column = panel.first_column; column < end; column += layout.tile_columns) {
        visit(row, column, index);
        index += uint64_t{layout.tile_rows} * layout.tile_columns;
      }
    }
  }
}

// Calls copy(element of the row-major matrix, element of the tile) for every element of the tile at
// (first_row, first_column) that is not padding.
template <typename Copy>
void ForEachElement(const TileLayout& layout, uint64_t first_row, uint64_t first_column,
                    const Copy& copy) {
  const uint64_t rows = std::min<uint64_t>(layout.tile_rows, layout.rows - first_row);
  const uint64_t columns = std::min<uint64_t>(layout.tile_columns, layout.columns - first_column);
  for (uint64_t k = 0; k < columns; ++k) {
    const uint64_t group = k / layout.interleave * layout.tile_rows;
    const uint64_t lane = k % layout.interleave;
    for (uint64_t r = 0; r < rows; ++r) {
      copy((first_row + r) * layout.columns + first_column + k,
           (group + r) * layout.interleave + lane);
    }
  }
}

template <size_t kElementSize>
void Pack(const TileLayout& layout, const std::byte* source, std::byte* target) {
  ForEachTile(layout, [&](uint64_t row, uint64_t column, uint64_t index) {
    std::byte* tile = target + index * kElementSize;
    ForEachElement(layout, row, column, [&](uint64_t from, uint64_t to) {
      std::memcpy(tile + to * kElementSize, source + from * kElementSize, kElementSize);
    });
  });
}

template <size_t kElementSize>
void Unpack(const TileLayout& layout, const std::byte* source, std::byte* target) {
  ForEachTile(layout, [&](uint64_t row, uint64_t column, uint64_t index) {
    const std::byte* tile = source + index * kElementSize;
    ForEachElement(layout, row, column, [&](uint64_t to, uint64_t from) {
      std::memcpy(target + to * kElementSize, tile + from * kElementSize, kElementSize);
    });
  });
}

}  // namespace

uint64_t TileLayout::ElementIndex(uint64_t row, uint64_t column) const {
  if (order == layout::TensorLayout::kVector) return column;
  const Panel panel = PanelOf(*this, column);
  const uint64_t tile_row = row / tile_rows;
  const uint64_t tile_column = (column - panel.first_column) / tile_columns;
  const uint64_t r = row % tile_rows;
  const uint64_t k = (column - panel.first_column) % tile_columns;
  return panel.start + tile_row * tile_rows * panel.width + tile_column * tile_rows * tile_columns +
         (k / interleave * tile_rows + r) * interleave + k % interleave;
}

std::optional<uint64_t> TileLayout::StoredElements() const {
  if (order == layout::TensorLayout::kVector) return columns;
  // AlignUp itself must not wrap; no matrix that fits a file comes near this.
  constexpr uint64_t kMaxExtent = uint64_t{1} << 48;
  if (rows > kMaxExtent || columns > kMaxExtent) return std::nullopt;
  return CheckedMul(PaddedRows(*this), PaddedColumns(*this));
}

uint64_t TileLayout::PrefixElements(uint64_t kept) const {
  if (order == layout::TensorLayout::kVector) return columns;
  if (kept == 0) return 0;
  if (order == layout::TensorLayout::kOutputMajor) {
    return AlignUp(std::min(kept, rows), tile_rows) * PaddedColumns(*this);
  }
  // The run ends with the last row of tiles of the panel that holds the last kept input.
  const uint64_t last = std::min(kept, columns) - 1;
  const Panel panel = PanelOf(*this, last);
  const uint64_t kept_width = AlignUp(last + 1 - panel.first_column, tile_columns);
  return panel.start + (PaddedRows(*this) - tile_rows) * panel.width + kept_width * tile_rows;
}

uint64_t TileLayout::TileBytes(WeightType type) const {
  if (order == layout::TensorLayout::kVector) return ElementBits(type) / 8;
  const uint64_t scales = IsQuantised(type) ? uint64_t{tile_rows} * sizeof(uint16_t) : 0;
  return uint64_t{tile_rows} * tile_columns * ElementBits(type) / 8 + scales;
}

std::optional<uint64_t> TileLayout::StoredBytes(WeightType type) const {
  const std::optional<uint64_t> elements = StoredElements();
  if (!elements) return std::nullopt;
  return CheckedMul(*elements / TileElements(*this), TileBytes(type));
}

uint64_t TileLayout::PrefixBytes(WeightType type, uint64_t kept) const {
  return PrefixElements(kept) / TileElements(*this) * TileBytes(type);
}

TileLayout VectorLayout(uint64_t columns) { return {.rows = 1, .columns = columns}; }

TileLayout OutputMajorLayout(uint64_t rows, uint64_t columns, WeightType type, uint32_t group) {
  return {.order = layout::TensorLayout::kOutputMajor,
          .tile_rows = kWrittenTileRows,
          .tile_columns = IsQuantised(type) ? group : kWrittenTileColumns,
          .interleave = InterleaveOf(type),
          .rows = rows,
          .columns = columns};
}

TileLayout InputMajorLayout(uint64_t rows, uint64_t columns, WeightType type, uint32_t group) {
  TileLayout layout = OutputMajorLayout(rows, columns, type, group);
  layout.order = layout::TensorLayout::kInputMajor;
  layout.panel_columns = layout.tile_columns;
  return layout;
}

void PackTiles(const TileLayout& layout, size_t element_size, std::span<const std::byte> source,
               std::span<std::byte> target) {
  if (layout.order == layout::TensorLayout::kVector) {
    std::copy(source.begin(), source.end(), target.begin());
    return;
  }
  std::fill(target.begin(), target.end(), std::byte{0});
  const auto pack = element_size == 2 ? Pack<2> : Pack<4>;
  pack(layout, source.data(), target.data());
}

void UnpackTiles(const TileLayout& layout, size_t element_size, std::span<const std::byte> source,
                 std::span<std::byte> target) {
  if (layout.order == layout::TensorLayout::kVector) {
    std::copy(source.begin(), source.end(), target.begin());
    return;
  }
  const auto unpack = element_size == 2 ? Unpack<2> : Unpack<4>;
  unpack(layout, source.data(), target.data());
}

}  // namespace elm
