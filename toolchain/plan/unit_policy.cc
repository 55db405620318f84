#include "toolchain/plan/plan.h"

namespace elm {

const char* UnitPolicyName(UnitPolicy policy) {
  return policy == UnitPolicy::kKvGroup ? "kv-group" : "query-head";
}

std::optional<UnitPolicy> ParseUnitPolicy(std::string_view name) {
  for (UnitPolicy policy : {UnitPolicy::kKvGroup, UnitPolicy::kQueryHead}) {
    if (name == UnitPolicyName(policy)) return policy;
  }
  return std::nullopt;
}

}  // namespace elm
