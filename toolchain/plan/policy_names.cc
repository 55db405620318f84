#include <array>

#include "toolchain/plan/plan.h"

namespace elm {
namespace {

constexpr std::array kAllocationNames = {"uniform", "measured", "core"};

}  // namespace

const char* UnitPolicyName(UnitPolicy policy) {
  return policy == UnitPolicy::kKvGroup ? "kv-group" : "query-head";
}

std::optional<UnitPolicy> ParseUnitPolicy(std::string_view name) {
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    if (name == UnitPolicyName(policy)) return policy;
  }
  return std::nullopt;
}

const char* AllocationName(Allocation allocation) {
  return kAllocationNames[static_cast<size_t>(allocation)];
}

std::optional<Allocation> ParseAllocation(std::string_view name) {
  for (size_t i = 0; i < kAllocationNames.size(); ++i) {
    if (name == kAllocationNames[i]) return static_cast<Allocation>(i);
  }
  return std::nullopt;
}

}  // namespace elm
