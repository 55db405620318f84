// How much memory this process holds.
#pragma once

#include <cstdint>

namespace elm {

// Bytes, from /proc/self/status; 0 where the system does not say. Pages of a mapped bundle count
// once they have been touched.
struct ProcessMemory {
  uint64_t resident = 0;       // VmRSS
  uint64_t peak_resident = 0;  // VmHWM
};

ProcessMemory MeasureMemory();

}  // namespace elm
