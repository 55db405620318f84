#include "runtime/cli/memory.h"

#include "formats/base/proc_bytes.h"

namespace elm {

ProcessMemory MeasureMemory() {
  constexpr const char* kStatus = "/proc/self/status";
  return {.resident = ProcBytes(kStatus, "VmRSS").value_or(0),
          .peak_resident = ProcBytes(kStatus, "VmHWM").value_or(0)};
}

}  // namespace elm
