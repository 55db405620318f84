#include "toolchain/eval/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace elm {
namespace {

// Characters, not bytes.
size_t Columns(const std::string& cell) {
  return static_cast<size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string Format(const char* format, double value) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

}  // namespace

std::string TextTable::Text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Columns(row[i]), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string PercentText(const Estimate& estimate, const char* format) {
  const std::string value = Format(format, 100 * estimate.value);
  if (std::isnan(estimate.standard_error)) return value;
  return value + Format(" ±%.1f", 100 * estimate.standard_error);
}

}  // namespace elm
