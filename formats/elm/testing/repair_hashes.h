// Makes every checksum of a patched bundle right again, so that a test or a fuzzer reaches the
// checks behind the checksums. Tolerates any damage: what cannot be found is left as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "formats/base/checked_math.h"
#include "formats/base/hash.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/layout.h"

namespace elm::testing {

// Overwrites the value at byte `offset`, which must lie inside.
template <typename T>
void PatchAt(std::span<std::byte> file, uint64_t offset, const T& value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

// Hashes the tensors that the records in `records` place inside `weights`. Records of the tiny LM
// have these fields at the same places.
inline void RepairTensorHashes(std::span<std::byte> records, std::span<const std::byte> weights) {
  for (uint64_t at = 0; at + sizeof(layout::TensorRecord) <= records.size();
       at += sizeof(layout::TensorRecord)) {
    auto record = ReadAt<layout::TensorRecord>(records, at);
    if (!RangeFits(record.offset, record.size, weights.size())) continue;
    record.hash = Hash64(weights.subspan(record.offset, record.size));
    PatchAt(records, at, record);
  }
}

// The part of a tiny LM section that holds its records; empty when its counts do not fit.
inline std::span<std::byte> TlmRecordsOf(std::span<std::byte> section) {
  if (section.size() < sizeof(layout::TlmHeader)) return {};
  const auto header = ReadAt<layout::TlmHeader>(section, 0);
  const uint64_t numbers =
      uint64_t{header.ttft_count} + header.tpot_count + header.prompt_levels + header.model_levels;
  const uint64_t begin = sizeof header + numbers * sizeof(uint32_t);
  const uint64_t size = uint64_t{header.tensor_count} * sizeof(layout::TlmTensorRecord);
  if (!RangeFits(begin, size, section.size())) return {};
  return section.subspan(begin, size);
}

inline void RepairHashes(std::span<std::byte> file) {
  if (file.size() < sizeof(layout::Header)) return;
  auto header = ReadAt<layout::Header>(file, 0);
  const uint64_t table_size = uint64_t{header.section_count} * sizeof(layout::SectionEntry);
  if (RangeFits(header.section_table_offset, table_size, file.size())) {
    const auto table = file.subspan(header.section_table_offset, table_size);
    std::span<std::byte> records;
    std::span<std::byte> tlm_records;
    for (const bool tensors_done : {false, true}) {
      for (uint64_t at = 0; at < table_size; at += sizeof(layout::SectionEntry)) {
        auto entry = ReadAt<layout::SectionEntry>(table, at);
        if (!RangeFits(entry.offset, entry.size, file.size())) continue;
        const auto section = file.subspan(entry.offset, entry.size);
        if (entry.kind == layout::SectionKind::kTensors) records = section;
        if (entry.kind == layout::SectionKind::kTinyLm) tlm_records = TlmRecordsOf(section);
        if (entry.kind == layout::SectionKind::kWeights && !tensors_done) {
          RepairTensorHashes(records, section);
        }
        if (entry.kind == layout::SectionKind::kTinyLmWeights && !tensors_done) {
          RepairTensorHashes(tlm_records, section);
        }
        entry.hash = Hash64(section);
        PatchAt(table, at, entry);
      }
    }
    header.section_table_hash = Hash64(table);
  }
  PatchAt(file, 0, header);
  header.header_hash = Hash64(file.first(sizeof header - sizeof header.header_hash));
  PatchAt(file, 0, header);
}

}  // namespace elm::testing
