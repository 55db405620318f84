// The adapters section: one AdapterRecord per level that has an adapter.

#include <cmath>
#include <utility>

#include "formats/base/checked_math.h"
#include "formats/elm/byte_cursor.h"
#include "formats/elm/section_codec.h"

namespace elm {
namespace {

using layout::AdapterRecord;

template <typename T, typename U>
Status Expect(const char* field, T actual, U expected) {
  if (static_cast<uint64_t>(actual) == static_cast<uint64_t>(expected)) return Status::Ok();
  return Corruption(field, " is ", actual, ", expected ", expected);
}

Result<BundleAdapter> ParseAdapter(const AdapterRecord& record, const ModelConfig& config,
                                   const LevelTable& levels, uint64_t previous_end,
                                   uint64_t weights_size) {
  if (record.level + 1 >= levels.levels.size()) {
    return Corruption("level is ", record.level, ", expected below ", levels.levels.size() - 1,
                      ": the full level has no adapter");
  }
  ELM_RETURN_IF_ERROR(CheckAdapter(record.rank, record.scale));
  ELM_RETURN_IF_ERROR(Expect("reserved", record.reserved, 0));
  BundleAdapter adapter;
  adapter.level = record.level;
  adapter.rank = record.rank;
  adapter.scale = record.scale;
  adapter.plan = PlanAdapter(config, levels.levels[record.level], record.rank);
  ELM_RETURN_IF_ERROR(Expect("offset", record.offset, previous_end));
  ELM_RETURN_IF_ERROR(Expect("size", record.size, adapter.plan.size));
  if (!RangeFits(record.offset, record.size, weights_size)) {
    return Corruption("offset ", record.offset, " and size ", record.size,
                      " lie outside the adapter weights of ", weights_size, " bytes");
  }
  adapter.offset = record.offset;
  adapter.hash = record.hash;
  return adapter;
}

}  // namespace

Status CheckAdapter(uint32_t rank, float scale) {
  if (rank < 1 || rank > layout::kMaxAdapterRank) {
    return Corruption("rank is ", rank, ", expected 1 to ", layout::kMaxAdapterRank);
  }
  if (!std::isfinite(scale)) return Corruption("scale is ", scale, ", expected a finite number");
  return Status::Ok();
}

std::vector<std::byte> EncodeAdapters(std::span<const AdapterRecord> records) {
  const auto bytes = std::as_bytes(records);
  return {bytes.begin(), bytes.end()};
}

Result<std::vector<BundleAdapter>> ParseAdapters(std::span<const std::byte> section,
                                                 const ModelConfig& config,
                                                 const LevelTable& levels, uint64_t weights_offset,
                                                 uint64_t weights_size) {
  if (section.size() % sizeof(AdapterRecord) != 0) {
    return Corruption("size is ", section.size(), " bytes, expected a multiple of ",
                      sizeof(AdapterRecord));
  }
  std::vector<BundleAdapter> adapters;
  uint64_t end = 0;  // in the adapter weights
  ByteCursor cursor(section);
  for (size_t i = 0; i < section.size() / sizeof(AdapterRecord); ++i) {
    const auto record = cursor.Next<AdapterRecord>();
    const std::string name = StrCat("adapter ", i);
    if (!adapters.empty() && record.level <= adapters.back().level) {
      return Corruption(name, ": levels must ascend, but the one before is of level ",
                        adapters.back().level);
    }
    auto adapter = ParseAdapter(record, config, levels, end, weights_size);
    if (!adapter.ok()) return adapter.status().In(name);
    end = adapter->offset + adapter->plan.size;
    adapter->offset += weights_offset;
    adapters.push_back(std::move(adapter).value());
  }
  if (end == weights_size) return adapters;
  return Corruption("the last adapter ends at byte ", end, " of the adapter weights, expected ",
                    weights_size);
}

}  // namespace elm
