#include "runtime/engine/memory_estimate.h"

#include <fstream>
#include <string>

namespace elm {

std::optional<uint64_t> AvailableMemory() {
  std::ifstream info("/proc/meminfo");
  std::string field;
  while (info >> field) {
    uint64_t kibibytes = 0;
    if (field == "MemAvailable:" && info >> kibibytes) return kibibytes * 1024;
    std::getline(info, field);
  }
  return std::nullopt;
}

Status CheckFits(const MemoryEstimate& estimate, uint32_t context,
                 std::optional<uint64_t> available) {
  if (!available || estimate.kv_cache + estimate.scratch <= *available) return Status::Ok();
  return Status(StatusCode::kOutOfMemory,
                StrCat("a context of ", context, " tokens takes ", estimate.kv_cache >> 20,
                       " MiB of KV cache and ", estimate.scratch >> 20, " MiB of scratch, ",
                       *available >> 20, " MiB are available; use a shorter context or q8"));
}

}  // namespace elm
