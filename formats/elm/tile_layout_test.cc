#include "formats/elm/tile_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace elm {
namespace {

using layout::TensorLayout;

// Small tiles and odd shapes, the written layouts, and the shapes of the small test models.
std::vector<TileLayout> SomeLayouts() {
  std::vector<TileLayout> layouts;
  for (const auto& [rows, columns] : std::vector<std::pair<uint64_t, uint64_t>>{
           {1, 1}, {16, 32}, {17, 33}, {172, 64}, {64, 172}, {8, 64}, {105, 128}, {3, 200}}) {
    layouts.push_back(OutputMajorLayout(rows, columns));
    layouts.push_back(InputMajorLayout(rows, columns));
    for (uint32_t interleave : {1U, 2U, 4U}) {
      layouts.push_back({TensorLayout::kOutputMajor, 3, 4, 0, interleave, rows, columns});
      layouts.push_back({TensorLayout::kInputMajor, 3, 4, 12, interleave, rows, columns});
    }
  }
  return layouts;
}

std::string Describe(const TileLayout& l) {
  return "order " + std::to_string(static_cast<int>(l.order)) + " R " +
         std::to_string(l.tile_rows) + " I " + std::to_string(l.interleave) + " shape " +
         std::to_string(l.rows) + " x " + std::to_string(l.columns);
}

TEST(TileLayoutTest, EveryElementHasItsOwnPlaceInsideTheStoredElements) {
  for (const TileLayout& layout : SomeLayouts()) {
    const uint64_t stored = layout.StoredElements().value();
    std::vector<bool> taken(stored);
    for (uint64_t row = 0; row < layout.rows; ++row) {
      for (uint64_t column = 0; column < layout.columns; ++column) {
        const uint64_t index = layout.ElementIndex(row, column);
        ASSERT_LT(index, stored) << Describe(layout);
        ASSERT_FALSE(taken[index]) << Describe(layout);
        taken[index] = true;
      }
    }
  }
}

TEST(TileLayoutTest, APrefixOfUnitsIsAPrefixOfBytes) {
  for (const TileLayout& layout : SomeLayouts()) {
    const bool by_rows = layout.order == TensorLayout::kOutputMajor;
    const uint64_t units = by_rows ? layout.rows : layout.columns;
    const uint64_t across = by_rows ? layout.columns : layout.rows;
    EXPECT_EQ(layout.PrefixElements(0), 0U);
    uint64_t needed = 0;
    uint64_t previous = 0;
    for (uint64_t kept = 1; kept <= units; ++kept) {
      for (uint64_t i = 0; i < across; ++i) {
        const uint64_t index =
            by_rows ? layout.ElementIndex(kept - 1, i) : layout.ElementIndex(i, kept - 1);
        needed = std::max(needed, index + 1);
      }
      const uint64_t prefix = layout.PrefixElements(kept);
      ASSERT_GE(prefix, needed) << Describe(layout) << " kept " << kept;
      ASSERT_LT(prefix - needed, uint64_t{layout.tile_rows} * layout.tile_columns)
          << Describe(layout) << " kept " << kept << ": more than whole tiles need";
      ASSERT_GE(prefix, previous);
      previous = prefix;
    }
    EXPECT_EQ(layout.PrefixElements(units), layout.StoredElements()) << Describe(layout);
    EXPECT_EQ(layout.PrefixElements(units + 100), layout.StoredElements());
  }
}

TEST(TileLayoutTest, WholeTilesCutExactly) {
  const TileLayout output = OutputMajorLayout(64, 96);
  EXPECT_EQ(output.PrefixElements(32), 32U * 96U);
  EXPECT_EQ(output.PrefixElements(33), 48U * 96U);
  const TileLayout input = InputMajorLayout(64, 96);
  EXPECT_EQ(input.PrefixElements(32), 32U * 64U);
  EXPECT_EQ(input.PrefixElements(33), 64U * 64U);
}

// The worked example of docs/elm-format.md.
TEST(TileLayoutTest, WorkedExample) {
  const TileLayout query = OutputMajorLayout(40, 64);
  EXPECT_EQ(query.StoredElements(), 48U * 64U);
  EXPECT_EQ(query.ElementIndex(18, 37), 1U * 16 * 64 + 1 * 16 * 32 + 5 * 16 + 2);
  const TileLayout down = InputMajorLayout(40, 64);
  EXPECT_EQ(down.ElementIndex(18, 37), 1U * 48 * 32 + 1 * 16 * 32 + 5 * 16 + 2);
}

TEST(TileLayoutTest, AVectorIsPlainAndNeverCut) {
  const TileLayout layout = VectorLayout(192);
  EXPECT_EQ(layout.StoredElements(), 192U);
  EXPECT_EQ(layout.ElementIndex(0, 77), 77U);
  EXPECT_EQ(layout.PrefixElements(1), 192U);
}

TEST(TileLayoutTest, OverflowIsAnAnswer) {
  TileLayout layout = OutputMajorLayout(uint64_t{1} << 40, uint64_t{1} << 40);
  EXPECT_EQ(layout.StoredElements(), std::nullopt);
  layout = OutputMajorLayout(~uint64_t{0}, 1);
  EXPECT_EQ(layout.StoredElements(), std::nullopt);
}

template <typename T>
void CheckPacking(const TileLayout& layout) {
  std::vector<T> values(layout.rows * layout.columns);
  std::iota(values.begin(), values.end(), T{1});
  std::vector<T> stored(layout.StoredElements().value(), T{0xee});
  PackTiles(layout, sizeof(T), std::as_bytes(std::span(values)),
            std::as_writable_bytes(std::span(stored)));
  uint64_t padding = stored.size();
  for (uint64_t row = 0; row < layout.rows; ++row) {
    for (uint64_t column = 0; column < layout.columns; ++column) {
      const T value = values[row * layout.columns + column];
      ASSERT_EQ(stored[layout.ElementIndex(row, column)], value) << Describe(layout);
      padding -= value != 0;
    }
  }
  EXPECT_EQ(static_cast<uint64_t>(std::count(stored.begin(), stored.end(), T{0})), padding);
  std::vector<T> back(values.size());
  UnpackTiles(layout, sizeof(T), std::as_bytes(std::span(stored)),
              std::as_writable_bytes(std::span(back)));
  EXPECT_EQ(back, values) << Describe(layout);
}

TEST(TileLayoutTest, PackingFollowsTheFormulaAndUnpackingInvertsIt) {
  for (const TileLayout& layout : SomeLayouts()) {
    CheckPacking<uint16_t>(layout);
    CheckPacking<uint32_t>(layout);
  }
  CheckPacking<uint32_t>(VectorLayout(7));
}

}  // namespace
}  // namespace elm
