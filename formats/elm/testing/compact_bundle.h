// A bundle without its padding and weights: a few kilobytes that a fuzzer can change byte by byte.
//
// One control byte, header, section table, then the small sections one behind the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/layout.h"
#include "formats/elm/testing/repair_hashes.h"

namespace elm::testing {

// Bits of the control byte: what Expand() makes right again.
inline constexpr unsigned kRepairHashes = 1;  // every checksum
inline constexpr unsigned kRepairPlaces = 2;  // sections' offsets and the file size

inline constexpr uint64_t kLargestExpansion = uint64_t{1} << 20;  // bytes

inline std::vector<layout::SectionEntry> TableOf(std::span<const std::byte> file) {
  std::vector<layout::SectionEntry> table;
  if (file.size() < sizeof(layout::Header)) return table;
  const auto header = ReadAt<layout::Header>(file, 0);
  ByteCursor cursor(file.subspan(sizeof header));
  const uint64_t rows = (file.size() - sizeof header) / sizeof(layout::SectionEntry);
  const uint64_t count = std::min<uint64_t>(header.section_count, layout::kMaxSections);
  for (uint64_t i = 0; i < std::min(rows, count); ++i) {
    table.push_back(cursor.Next<layout::SectionEntry>());
  }
  return table;
}

inline bool IsSmall(const layout::SectionEntry& entry) {
  return static_cast<uint32_t>(entry.kind) < layout::kFirstBulkKind;
}

// `file` must be sound.
inline std::vector<std::byte> Compact(std::span<const std::byte> file, unsigned control) {
  const std::vector<layout::SectionEntry> table = TableOf(file);
  const uint64_t front = sizeof(layout::Header) + table.size() * sizeof(layout::SectionEntry);
  std::vector<std::byte> compact = {static_cast<std::byte>(control)};
  const auto add = [&compact](std::span<const std::byte> bytes) {
    compact.insert(compact.end(), bytes.begin(), bytes.end());
  };
  add(file.first(front));
  for (const layout::SectionEntry& entry : table) {
    if (IsSmall(entry)) add(file.subspan(entry.offset, entry.size));
  }
  return compact;
}

// Puts the sections where their entries say, or where they belong; bulk sections are zero.
// Tolerates any input; what would not fit kLargestExpansion is left out.
inline std::vector<std::byte> Expand(std::span<const std::byte> compact) {
  if (compact.empty()) return {};
  const auto control = std::to_integer<unsigned>(compact[0]);
  const auto source = compact.subspan(1);
  std::vector<layout::SectionEntry> table = TableOf(source);
  const uint64_t front = sizeof(layout::Header) + table.size() * sizeof(layout::SectionEntry);
  std::vector<std::byte> file(
      source.begin(),
      source.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(source.size(), front)));
  if (file.size() < front) return file;
  auto rest = source.subspan(front);
  for (size_t i = 0; i < table.size(); ++i) {
    layout::SectionEntry& entry = table[i];
    if ((control & kRepairPlaces) != 0) {
      entry.offset = AlignUp(file.size(), layout::kSectionAlignment);
      PatchAt(std::span(file), sizeof(layout::Header) + i * sizeof entry, entry);
    }
    if (!RangeFits(entry.offset, entry.size, kLargestExpansion)) continue;
    file.resize(std::max<size_t>(file.size(), entry.offset + entry.size));
    if (!IsSmall(entry)) continue;
    const auto bytes = rest.first(std::min<size_t>(rest.size(), entry.size));
    std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<ptrdiff_t>(entry.offset));
    rest = rest.subspan(bytes.size());
  }
  if ((control & kRepairPlaces) != 0) {
    PatchAt<uint64_t>(file, offsetof(layout::Header, file_size), file.size());
  }
  if ((control & kRepairHashes) != 0) RepairHashes(file);
  return file;
}

}  // namespace elm::testing
