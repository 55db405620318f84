// Which cores there are, and which of them are the fast ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace elm {

struct CpuCore {
  int id = 0;
  // How much it computes compared with others of the machine; no unit. 0 where the system does not
  // say.
  uint64_t capacity = 0;

  bool operator==(const CpuCore&) const = default;
};

class CpuTopology {
 public:
  explicit CpuTopology(std::vector<CpuCore> cores);

  // What the kernel tells under `root`: the cores that are online, with their capacity, or their
  // highest frequency where there is no capacity. Empty when there is nothing to read.
  static CpuTopology Read(const std::string& root = "/sys/devices/system/cpu");
  // Read() once, and only the cores that this process may run on.
  static const CpuTopology& OfThisProcess();

  // Fastest first, equal ones by number.
  const std::vector<CpuCore>& cores() const { return cores_; }

  // True when all capacities are known and the slowest core is clearly slower than the fastest:
  // cores of one design whose highest frequencies differ by a few per cent count as equal.
  bool uneven() const;

  // The cores that `count` threads should run on: none when it does not matter, because all are
  // equal, nothing is known, or all are needed anyway.
  std::vector<int> FastestCores(size_t count) const;

 private:
  std::vector<CpuCore> cores_;
};

// Lets the calling thread run on `cores` only; changes nothing when there are none. A hint: whether
// the system follows it makes no difference but speed.
void RunOnCores(std::span<const int> cores);

}  // namespace elm
