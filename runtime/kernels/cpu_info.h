// What the system says about its processor, for people to read. Which kernels run is decided
// elsewhere (kernels.h), by asking the processor itself.
#pragma once

#include <string>
#include <vector>

namespace elm {

struct CpuInfo {
  std::string name;                           // "unknown processor" where the system does not say
  std::vector<std::string> instruction_sets;  // those that matter to arithmetic, as it spells them
};

// From `path` in the form of Linux's /proc/cpuinfo, of x86 or Arm.
CpuInfo ReadCpuInfo(const std::string& path = "/proc/cpuinfo");

}  // namespace elm
