// The levels section: LevelsHeader, anchors, kv_of, level records.

#include <utility>

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

constexpr uint64_t kArrayAlignment = 4;  // kv_of is padded to it

uint64_t KvOfSize(const layout::LevelsHeader& header) {
  return uint64_t{header.layers} * header.query_heads * sizeof(uint16_t);
}

// Every count is below its cap, so nothing can overflow.
uint64_t SectionSize(const layout::LevelsHeader& header) {
  const uint64_t level_size = sizeof(uint32_t) + uint64_t{header.layers} * sizeof(LayerSlice);
  return sizeof header + uint64_t{header.anchor_count} * sizeof(uint32_t) +
         AlignUp(KvOfSize(header), kArrayAlignment) + header.level_count * level_size;
}

Status CheckHeader(const layout::LevelsHeader& header, const ModelConfig& config) {
  if (header.level_count < 1 || header.level_count > kMaxLevels) {
    return Corruption("level_count is ", header.level_count, ", expected 1 to ", kMaxLevels);
  }
  if (header.anchor_count > config.layers) {
    return Corruption("anchor_count is ", header.anchor_count, ", expected at most ",
                      config.layers);
  }
  if (header.layers != config.layers) {
    return Corruption("layers is ", header.layers, ", but the model has ", config.layers);
  }
  if (header.query_heads != config.query_heads) {
    return Corruption("query_heads is ", header.query_heads, ", but the model has ",
                      config.query_heads);
  }
  return Status::Ok();
}

Status ParseKvOf(const layout::LevelsHeader& header, ByteCursor& cursor, LevelTable& table) {
  for (uint32_t layer = 0; layer < header.layers; ++layer) {
    std::vector<uint16_t>& kv_of = table.kv_of.emplace_back(header.query_heads);
    for (uint16_t& head : kv_of) head = cursor.Next<uint16_t>();
  }
  if (KvOfSize(header) % kArrayAlignment == 0) return Status::Ok();
  const auto padding = cursor.Next<uint16_t>();
  if (padding == 0) return Status::Ok();
  return Corruption("padding behind kv_of is ", padding, ", expected 0");
}

LayerSlice ParseSlice(ByteCursor& cursor) {
  LayerSlice slice;
  slice.query_heads = cursor.Next<uint32_t>();
  slice.kv_heads = cursor.Next<uint32_t>();
  slice.neurons = cursor.Next<uint32_t>();
  return slice;
}

Level ParseLevel(uint32_t layers, ByteCursor& cursor) {
  Level level;
  level.name_permille = cursor.Next<uint32_t>();
  level.layers.reserve(layers);
  for (uint32_t layer = 0; layer < layers; ++layer) level.layers.push_back(ParseSlice(cursor));
  return level;
}

}  // namespace

std::vector<std::byte> EncodeLevels(const LevelTable& table) {
  layout::LevelsHeader header{};
  header.level_count = static_cast<uint32_t>(table.levels.size());
  header.anchor_count = static_cast<uint32_t>(table.anchors.size());
  header.layers = static_cast<uint32_t>(table.kv_of.size());
  header.query_heads = static_cast<uint32_t>(table.kv_of.front().size());
  std::vector<std::byte> bytes;
  bytes.reserve(SectionSize(header));
  Append(header, bytes);
  for (uint32_t anchor : table.anchors) Append(anchor, bytes);
  for (const auto& kv_of : table.kv_of) {
    for (uint16_t head : kv_of) Append(head, bytes);
  }
  bytes.resize(AlignUp(bytes.size(), kArrayAlignment));
  for (const Level& level : table.levels) {
    Append(level.name_permille, bytes);
    for (const LayerSlice& slice : level.layers) {
      Append(slice.query_heads, bytes);
      Append(slice.kv_heads, bytes);
      Append(slice.neurons, bytes);
    }
  }
  return bytes;
}

Result<LevelTable> ParseLevels(std::span<const std::byte> section, const ModelConfig& config) {
  if (section.size() < sizeof(layout::LevelsHeader)) {
    return Corruption("size is ", section.size(), " bytes, expected at least ",
                      sizeof(layout::LevelsHeader));
  }
  ByteCursor cursor(section);
  const auto header = cursor.Next<layout::LevelsHeader>();
  ELM_RETURN_IF_ERROR(CheckHeader(header, config));
  if (section.size() != SectionSize(header)) {
    return Corruption("size is ", section.size(), " bytes, expected ", SectionSize(header), " for ",
                      header.level_count, " levels of ", header.layers, " layers");
  }
  LevelTable table;
  for (uint32_t i = 0; i < header.anchor_count; ++i) {
    table.anchors.push_back(cursor.Next<uint32_t>());
  }
  ELM_RETURN_IF_ERROR(ParseKvOf(header, cursor, table));
  for (uint32_t i = 0; i < header.level_count; ++i) {
    table.levels.push_back(ParseLevel(header.layers, cursor));
  }
  ELM_RETURN_IF_ERROR(Validate(table, config));
  return table;
}

}  // namespace elm
