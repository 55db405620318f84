#include "runtime/orchestrator/identity.h"

#include <algorithm>
#include <ios>
#include <span>
#include <vector>

#include "formats/base/hash.h"
#include "runtime/kernels/cpu_info.h"

namespace elm {
namespace {

using layout::SectionKind;

bool CountsForLatency(SectionKind kind) {
  return kind != SectionKind::kProvenance && kind != SectionKind::kReferenceLatency &&
         kind != SectionKind::kAccuracy;
}

}  // namespace

uint64_t LatencyHash(const BundleView& view) {
  std::vector<uint64_t> words;
  for (const BundleSection& section : view.sections) {
    if (!CountsForLatency(section.kind)) continue;
    words.insert(words.end(), {static_cast<uint64_t>(section.kind), section.size, section.hash});
  }
  // 0 stands for none.
  return std::max<uint64_t>(1, Hash64(std::as_bytes(std::span(words))));
}

std::string DeviceName(const KernelTable& kernels, uint32_t threads, KvType kv) {
  std::string cpu = ReadCpuInfo().name;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(cpu.begin(), cpu.end(), is_control, ' ');
  cpu.resize(std::min<size_t>(cpu.size(), 128));
  return StrCat(cpu, ", ", kernels.name, ", ", threads, threads == 1 ? " thread" : " threads",
                ", KV ", KvTypeName(kv));
}

Status CheckTableFits(const LatencyTable& table, const BundleView& view, const std::string& device,
                      const std::string& where) {
  if (table.is_reference()) return Status::Ok();
  const uint64_t hash = LatencyHash(view);
  if (table.bundle_hash != hash) {
    return InvalidArgument(where, ": measured with another bundle (hash 0x", std::hex,
                           table.bundle_hash, ", this one has 0x", hash,
                           "); run `elm calibrate` for this one");
  }
  if (table.name != device) {
    return InvalidArgument(where, ": measured on \"", table.name, "\", this is \"", device,
                           "\"; run `elm calibrate` here, or compute as it did (--threads, --kv, "
                           "ELM_FORCE_ISA)");
  }
  return Status::Ok();
}

}  // namespace elm
