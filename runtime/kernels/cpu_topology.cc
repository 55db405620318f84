#include "runtime/kernels/cpu_topology.h"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace elm {
namespace {

// A core at less than this part of the fastest one's capacity is of a slower kind.
constexpr double kSlower = 0.9;

std::optional<uint64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// "cpu12" -> 12; nothing for "cpufreq".
std::optional<int> CoreNumber(std::string_view name) {
  constexpr std::string_view kPrefix = "cpu";
  if (!name.starts_with(kPrefix) || name.size() == kPrefix.size()) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

std::vector<int> OnlineCores(const std::string& root) {
  std::vector<int> cores;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(root.c_str()), closedir);
  if (folder == nullptr) return cores;
  while (const dirent* entry = readdir(folder.get())) {
    const auto number = CoreNumber(entry->d_name);
    // Cores that cannot be switched off have no such file.
    if (number && ReadNumber(root + "/" + entry->d_name + "/online") != 0U) {
      cores.push_back(*number);
    }
  }
  return cores;
}

// What `file` says for every core, or nothing when it is missing for one.
std::vector<CpuCore> Capacities(const std::string& root, const std::vector<int>& cores,
                                const char* file) {
  std::vector<CpuCore> capacities;
  for (const int core : cores) {
    const auto value = ReadNumber(root + "/cpu" + std::to_string(core) + "/" + file);
    if (!value || *value == 0) return {};
    capacities.push_back({core, *value});
  }
  return capacities;
}

bool MayRunOn(int core) {
  cpu_set_t allowed;
  if (core >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return true;
  return CPU_ISSET(core, &allowed);
}

}  // namespace

CpuTopology::CpuTopology(std::vector<CpuCore> cores) : cores_(std::move(cores)) {
  std::sort(cores_.begin(), cores_.end(), [](const CpuCore& a, const CpuCore& b) {
    return a.capacity != b.capacity ? a.capacity > b.capacity : a.id < b.id;
  });
}

CpuTopology CpuTopology::Read(const std::string& root) {
  const std::vector<int> online = OnlineCores(root);
  for (const char* file : {"cpu_capacity", "cpufreq/cpuinfo_max_freq"}) {
    auto capacities = Capacities(root, online, file);
    if (!capacities.empty()) return CpuTopology(std::move(capacities));
  }
  std::vector<CpuCore> cores;
  for (const int core : online) cores.push_back({core, 0});
  return CpuTopology(std::move(cores));
}

const CpuTopology& CpuTopology::OfThisProcess() {
  static const auto& topology = *new CpuTopology([] {
    std::vector<CpuCore> cores = Read().cores();
    std::erase_if(cores, [](const CpuCore& core) { return !MayRunOn(core.id); });
    return cores;
  }());
  return topology;
}

bool CpuTopology::uneven() const {
  if (cores_.empty() || cores_.back().capacity == 0) return false;
  return static_cast<double>(cores_.back().capacity) <
         kSlower * static_cast<double>(cores_.front().capacity);
}

std::vector<int> CpuTopology::FastestCores(size_t count) const {
  if (!uneven() || count >= cores_.size()) return {};
  std::vector<int> fastest;
  for (size_t i = 0; i < count; ++i) fastest.push_back(cores_[i].id);
  return fastest;
}

void RunOnCores(std::span<const int> cores) {
  if (cores.empty()) return;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  for (const int core : cores) {
    if (core < CPU_SETSIZE) CPU_SET(core, &allowed);
  }
  (void)sched_setaffinity(0, sizeof allowed, &allowed);  // of the calling thread
}

}  // namespace elm
