// The bench of baselines as people read it.
#pragma once

#include <string>
#include <vector>

#include "toolchain/baselines/baselines_report.h"
#include "toolchain/eval/statistics.h"

namespace elm {

// One method at one level, held against the elastic model.
struct Lead {
  std::string method;
  uint32_t name_permille = 0;     // of the baseline's level
  uint32_t elastic_permille = 0;  // of the elastic level: the same, or the next lighter one
  double share = 0;               // what the baseline reached
  Estimate points;                // elastic minus baseline, paired by item
  bool behind() const;            // beyond the 95 % interval
};

// Elastic minus every other method of a table, at every level below 1.0 but where no elastic level
// is as light. Empty when the table has no elastic entry or no tasks.
std::vector<Lead> Leads(const BaselinesReport& report, BaselineTable table);

// What counts as derived from the one model: all but models trained for themselves and bounds.
bool IsDerivedMethod(const std::string& method);

// The title of a method for a table's head.
std::string MethodTitle(const std::string& method);

// Both tables: accuracy, elastic minus each method, losses of texts, notes, and what follows from
// them. Levels are rows and methods columns; a share that is more than a point away from its
// level's name stands behind the accuracy. Ends with a line end.
std::string BaselinesText(const BaselinesReport& report);

}  // namespace elm
