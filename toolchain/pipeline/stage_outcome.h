// What became of a stage of a run, or would.
#pragma once

#include <optional>
#include <string>

namespace elm {

struct StageOutcome {
  std::string name;
  bool ran = false;
  std::string reason;  // why it ran or need not: "is done", "was interrupted", "plan.h5 is missing"
  double seconds = 0;
  std::optional<double> budget_seconds;  // what it may take, where the options say so
};

}  // namespace elm
