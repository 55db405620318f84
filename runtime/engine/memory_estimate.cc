#include "runtime/engine/memory_estimate.h"

#include "formats/base/proc_bytes.h"

namespace elm {

std::optional<uint64_t> AvailableMemory() { return ProcBytes("/proc/meminfo", "MemAvailable"); }

Status CheckFits(const MemoryEstimate& estimate, uint32_t context,
                 std::optional<uint64_t> available) {
  if (!available || estimate.kv_cache + estimate.scratch <= *available) return Status::Ok();
  return Status(StatusCode::kOutOfMemory,
                StrCat("a context of ", context, " tokens takes ", estimate.kv_cache >> 20,
                       " MiB of KV cache and ", estimate.scratch >> 20, " MiB of scratch, ",
                       *available >> 20, " MiB are available; use a shorter context or q8"));
}

}  // namespace elm
