#include "formats/elm/level_text.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <optional>
#include <sstream>
#include <vector>

namespace elm {
namespace {

constexpr size_t kColumns = 6;
using Row = std::array<std::string, kColumns>;

std::string Fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return std::move(out).str();
}

std::string MebiBytes(uint64_t bytes) {
  return StrCat(Fixed(static_cast<double>(bytes) / (1024.0 * 1024.0), 2), " MiB");
}

bool IsAnchor(const LevelTable& table, uint32_t layer) {
  return std::binary_search(table.anchors.begin(), table.anchors.end(), layer);
}

// "3-5", or "4" when all elastic layers keep as many; "-" when there is no elastic layer.
std::string RangeOverLayers(const LevelTable& table, const Level& level,
                            uint32_t LayerSlice::*count) {
  std::optional<uint32_t> least;
  uint32_t most = 0;
  for (uint32_t layer = 0; layer < level.layers.size(); ++layer) {
    if (IsAnchor(table, layer)) continue;
    const uint32_t kept = level.layers[layer].*count;
    least = std::min(least.value_or(kept), kept);
    most = std::max(most, kept);
  }
  if (!least) return "-";
  return *least == most ? StrCat(most) : StrCat(*least, "-", most);
}

Row RowOf(const BundleView& view, const Level& level) {
  return {LevelName(level.name_permille),
          StrCat(Fixed(100.0 * TrueShare(view.config, level), 1), " %"),
          MebiBytes(LevelBytes(view, level)),
          RangeOverLayers(view.levels, level, &LayerSlice::query_heads),
          RangeOverLayers(view.levels, level, &LayerSlice::kv_heads),
          RangeOverLayers(view.levels, level, &LayerSlice::neurons)};
}

// Right-aligned columns, two spaces between them.
std::string Align(const std::vector<Row>& rows) {
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      text += std::string((i == 0 ? 0 : 2) + widths[i] - row[i].size(), ' ') + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string AnchorLine(const LevelTable& table) {
  if (table.anchors.empty()) return "no anchor layers\n";
  std::string list;
  for (uint32_t anchor : table.anchors) list += StrCat(list.empty() ? "" : ", ", anchor);
  return StrCat("anchor layers, whole at every level: ", list, "\n");
}

}  // namespace

std::string LevelTableText(const BundleView& view) {
  std::vector<Row> rows = {
      {"level", "true share", "weights", "query heads", "KV heads", "neurons"}};
  for (const Level& level : view.levels.levels) rows.push_back(RowOf(view, level));
  return Align(rows) + AnchorLine(view.levels);
}

}  // namespace elm
