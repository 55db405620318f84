// The reference latency section: LatencyHeader, axes, times, name.

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

// Every count is below its cap, so nothing can overflow.
uint64_t ListsEnd(const layout::LatencyHeader& header) {
  const uint64_t numbers =
      uint64_t{header.level_count} + header.ttft_count + header.tpot_count + header.tlm_count;
  return AlignUp(sizeof header + numbers * sizeof(uint32_t), sizeof(double));
}

uint64_t SectionSize(const layout::LatencyHeader& header) {
  const uint64_t points = uint64_t{header.ttft_count} + header.tpot_count;
  const uint64_t times = header.level_count * points + header.tlm_count;
  return ListsEnd(header) + times * sizeof(double) + header.name_size;
}

Status CheckHeader(const layout::LatencyHeader& header) {
  const auto check = [](const char* field, uint32_t value, uint64_t most) {
    if (value <= most) return Status::Ok();
    return Corruption(field, " is ", value, ", at most ", most, " are allowed");
  };
  ELM_RETURN_IF_ERROR(check("level_count", header.level_count, kMaxLevels));
  ELM_RETURN_IF_ERROR(check("ttft_count", header.ttft_count, kMaxLatencyPoints));
  ELM_RETURN_IF_ERROR(check("tpot_count", header.tpot_count, kMaxLatencyPoints));
  ELM_RETURN_IF_ERROR(check("tlm_count", header.tlm_count, kMaxLatencyPoints));
  ELM_RETURN_IF_ERROR(check("name_size", header.name_size, kMaxLatencyName));
  if (header.reserved == 0) return Status::Ok();
  return Corruption("reserved is ", header.reserved, ", expected 0");
}

std::vector<std::vector<double>> NextRows(ByteCursor& cursor, size_t rows, size_t columns) {
  std::vector<std::vector<double>> list;
  for (size_t row = 0; row < rows; ++row) list.push_back(cursor.List<double>(columns));
  return list;
}

}  // namespace

std::vector<std::byte> EncodeLatency(const LatencyTable& table) {
  layout::LatencyHeader header{};
  header.level_count = static_cast<uint32_t>(table.level_permille.size());
  header.ttft_count = static_cast<uint32_t>(table.ttft_tokens.size());
  header.tpot_count = static_cast<uint32_t>(table.tpot_context.size());
  header.tlm_count = static_cast<uint32_t>(table.tlm_tokens.size());
  header.name_size = static_cast<uint32_t>(table.name.size());
  header.bundle_hash = table.bundle_hash;
  header.selection_ms_per_kilotoken = table.selection_ms_per_kilotoken;
  header.switch_ms = table.switch_ms;
  header.margin = table.margin;
  std::vector<std::byte> bytes;
  Append(header, bytes);
  AppendAll(table.level_permille, bytes);
  AppendAll(table.ttft_tokens, bytes);
  AppendAll(table.tpot_context, bytes);
  AppendAll(table.tlm_tokens, bytes);
  bytes.resize(ListsEnd(header));
  for (const std::vector<double>& row : table.ttft_ms) AppendAll(row, bytes);
  for (const std::vector<double>& row : table.tpot_ms) AppendAll(row, bytes);
  AppendAll(table.tlm_ms, bytes);
  AppendText(table.name, bytes);
  return bytes;
}

Result<LatencyTable> ParseLatency(std::span<const std::byte> section) {
  if (section.size() < sizeof(layout::LatencyHeader)) {
    return Corruption("size is ", section.size(), " bytes, expected at least ",
                      sizeof(layout::LatencyHeader));
  }
  ByteCursor cursor(section);
  const auto header = cursor.Next<layout::LatencyHeader>();
  ELM_RETURN_IF_ERROR(CheckHeader(header));
  if (section.size() != SectionSize(header)) {
    return Corruption("size is ", section.size(), " bytes, expected ", SectionSize(header), " for ",
                      header.level_count, " levels");
  }
  LatencyTable table;
  table.bundle_hash = header.bundle_hash;
  table.selection_ms_per_kilotoken = header.selection_ms_per_kilotoken;
  table.switch_ms = header.switch_ms;
  table.margin = header.margin;
  table.level_permille = cursor.List<uint32_t>(header.level_count);
  table.ttft_tokens = cursor.List<uint32_t>(header.ttft_count);
  table.tpot_context = cursor.List<uint32_t>(header.tpot_count);
  table.tlm_tokens = cursor.List<uint32_t>(header.tlm_count);
  if (!cursor.SkipZeros(ListsEnd(header))) return Corruption("padding is not zero");
  table.ttft_ms = NextRows(cursor, header.level_count, header.ttft_count);
  table.tpot_ms = NextRows(cursor, header.level_count, header.tpot_count);
  table.tlm_ms = cursor.List<double>(header.tlm_count);
  table.name = cursor.Text(header.name_size);
  ELM_RETURN_IF_ERROR(Validate(table));
  return table;
}

}  // namespace elm
