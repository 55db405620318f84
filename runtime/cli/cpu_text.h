// What `elm info --cpu` says about this machine.
#pragma once

#include <string>

#include "formats/base/status.h"
#include "runtime/kernels/cpu_info.h"
#include "runtime/kernels/cpu_topology.h"
#include "runtime/kernels/kernels.h"

namespace elm {

struct CpuDescription {
  CpuInfo info;
  CpuTopology topology;
  size_t cores = 1;
  // What runs, or why nothing does: ELM_FORCE_ISA may ask for what is not there.
  Result<const KernelTable*> chosen;
  std::string forced;  // the value of ELM_FORCE_ISA; empty where it is not set
};

CpuDescription DescribeCpu();

std::string CpuText(const CpuDescription& cpu);
std::string CpuJson(const CpuDescription& cpu);

}  // namespace elm
