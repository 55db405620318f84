#include "toolchain/tlm/saliency_file.h"

#include "formats/workspace/hdf5_file.h"

namespace elm {
namespace {

constexpr const char* kKind = "word-saliency";
constexpr uint64_t kVersion = 1;

}  // namespace

Status SaveSaliency(const std::string& path, const SaliencyRecord& record) {
  std::vector<uint32_t> counts;
  std::vector<float> values;
  for (const std::vector<float>& words : record.saliency) {
    counts.push_back(static_cast<uint32_t>(words.size()));
    values.insert(values.end(), words.begin(), words.end());
  }
  if (counts.size() != record.items.size()) {
    return InvalidArgument(path, ": ", record.items.size(), " tasks have ", counts.size(),
                           " lists of saliency");
  }
  ELM_ASSIGN_OR_RETURN(Hdf5Writer file, Hdf5Writer::Create(path, kKind, kVersion));
  ELM_RETURN_IF_ERROR(file.WriteString("key", record.key));
  ELM_RETURN_IF_ERROR(file.WriteDataset("items", record.items, {record.items.size()}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("words", counts, {counts.size()}));
  ELM_RETURN_IF_ERROR(file.WriteDataset("saliency", values, {values.size()}));
  return file.Commit();
}

Result<SaliencyRecord> LoadSaliency(const std::string& path) {
  ELM_ASSIGN_OR_RETURN(const Hdf5Reader file, Hdf5Reader::Open(path, kKind, kVersion));
  SaliencyRecord record;
  ELM_ASSIGN_OR_RETURN(record.key, file.ReadString("key"));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape items, file.ReadShape("items", 1));
  ELM_ASSIGN_OR_RETURN(const Hdf5Shape words, file.ReadShape("saliency", 1));
  ELM_ASSIGN_OR_RETURN(record.items, file.ReadDataset<uint64_t>("items", items));
  ELM_ASSIGN_OR_RETURN(const auto counts, file.ReadDataset<uint32_t>("words", items));
  ELM_ASSIGN_OR_RETURN(const auto values, file.ReadDataset<float>("saliency", words));
  uint64_t next = 0;
  for (const uint32_t count : counts) {
    if (count > values.size() - next) {
      return Corruption(path, ": words add up to more than the ", values.size(), " of saliency");
    }
    const auto begin = values.begin() + static_cast<ptrdiff_t>(next);
    record.saliency.emplace_back(begin, begin + static_cast<ptrdiff_t>(count));
    next += count;
  }
  if (next != values.size()) {
    return Corruption(path, ": words add up to ", next, ", saliency has ", values.size());
  }
  return record;
}

}  // namespace elm
