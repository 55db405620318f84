#include "runtime/cli/memory.h"

#include <fstream>
#include <string>

namespace elm {

ProcessMemory MeasureMemory() {
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  std::string field;
  while (status >> field) {
    uint64_t kibibytes = 0;
    if (field == "VmRSS:" && status >> kibibytes) memory.resident = kibibytes * 1024;
    if (field == "VmHWM:" && status >> kibibytes) memory.peak_resident = kibibytes * 1024;
    std::getline(status, field);
  }
  return memory;
}

}  // namespace elm
