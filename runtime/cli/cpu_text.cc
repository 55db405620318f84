#include "runtime/cli/cpu_text.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/json/json_object.h"
#include "runtime/cli/threads_flag.h"

namespace elm {
namespace {

using Json = nlohmann::ordered_json;

bool IsChosen(const CpuDescription& cpu, const KernelTable& kernels) {
  return cpu.chosen.ok() && *cpu.chosen == &kernels;
}

// "2, all alike", or "8: 1 of capacity 1024, 3 of 871, 4 of 286".
std::string CoresText(const CpuDescription& cpu) {
  const std::vector<CpuCore>& cores = cpu.topology.cores();
  if (cores.empty() || cores.back().capacity == 0) return StrCat(cpu.cores);
  if (!cpu.topology.uneven()) return StrCat(cpu.cores, ", all alike");
  std::map<uint64_t, size_t, std::greater<>> counts;
  for (const CpuCore& core : cores) ++counts[core.capacity];
  std::string text;
  for (const auto& [capacity, count] : counts) {
    text += StrCat(text.empty() ? ": " : ", ", count, text.empty() ? " of capacity " : " of ",
                   capacity);
  }
  return StrCat(cpu.cores, text, "; threads keep to the fastest");
}

std::string KernelsText(const CpuDescription& cpu) {
  size_t width = 0;
  for (const KernelTable* kernels : AllKernels()) {
    width = std::max(width, std::string(kernels->name).size());
  }
  std::string text;
  for (const KernelTable* kernels : AllKernels()) {
    std::string name = kernels->name;
    name.resize(width, ' ');
    const char* remark = IsChosen(cpu, *kernels) ? " <- chosen"
                         : IsSupported(*kernels) ? ""
                                                 : " (this processor lacks them)";
    text += StrCat(text.empty() ? "kernels           " : "                  ", name, "  ",
                   kernels->description, remark, "\n");
  }
  return text;
}

std::string ForceText(const CpuDescription& cpu) {
  if (!cpu.chosen.ok()) return cpu.chosen.status().ToString() + "\n";
  if (!cpu.forced.empty()) return StrCat("ELM_FORCE_ISA=", cpu.forced, " has chosen.\n");
  return "ELM_FORCE_ISA=NAME chooses others.\n";
}

}  // namespace

CpuDescription DescribeCpu() {
  const char* forced = std::getenv("ELM_FORCE_ISA");
  return {ReadCpuInfo(), CpuTopology::OfThisProcess(), UsableCores(), ChooseKernels(),
          forced == nullptr ? "" : forced};
}

std::string CpuText(const CpuDescription& cpu) {
  std::string sets;
  for (const std::string& name : cpu.info.instruction_sets) {
    sets += StrCat(sets.empty() ? "" : " ", name);
  }
  return StrCat("processor         ", cpu.info.name, "\n", "cores             ", CoresText(cpu),
                "\n", "instruction sets  ", sets.empty() ? "the system does not say" : sets, "\n",
                KernelsText(cpu), ForceText(cpu));
}

std::string CpuJson(const CpuDescription& cpu) {
  Json cores = Json::array();
  for (const CpuCore& core : cpu.topology.cores()) {
    cores.push_back(JsonObject()
                        .Count("id", core.id)
                        .Value("capacity", core.capacity == 0 ? Json(nullptr) : Json(core.capacity))
                        .Take());
  }
  Json kernels = Json::array();
  for (const KernelTable* table : AllKernels()) {
    kernels.push_back(JsonObject()
                          .Text("name", table->name)
                          .Text("description", table->description)
                          .Flag("supported", IsSupported(*table))
                          .Flag("chosen", IsChosen(cpu, *table))
                          .Take());
  }
  const Json json =
      JsonObject()
          .Text("processor", cpu.info.name)
          .Count("usable_cores", cpu.cores)
          .Value("cores", std::move(cores))
          .Flag("uneven", cpu.topology.uneven())
          .Value("instruction_sets", cpu.info.instruction_sets)
          .Value("kernels", std::move(kernels))
          .Value("forced", cpu.forced.empty() ? Json(nullptr) : Json(cpu.forced))
          .Value("error", cpu.chosen.ok() ? Json(nullptr) : Json(cpu.chosen.status().ToString()))
          .Take();
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace elm
