// Two evaluations of the same questions held against each other: did a change make the model worse,
// or a level slower?
//
// Accuracy and loss are compared item by item. A drop counts when it is larger than the limit and
// larger than what the items' own spread explains (1.96 paired standard errors), so that a single
// question answered differently after another rounding is no alarm. Latency differs between
// machines and hours; what is compared are ratios, round by round: each level's time over the full
// level's, and over what the machine could do in the same round. A slowdown counts when the shift
// of those ratios exceeds the limit and the spread of the rounds does not explain it (ShiftRatio()
// in toolchain/eval/repeat_statistics.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "toolchain/eval/eval_report.h"

namespace elm {

struct CompareLimits {
  double accuracy_drop = 0.005;   // as a share of the items: half a point
  double loss_rise = 0.02;        // in nats per token
  double slowdown = 0.05;         // of a level's time over the full level's
  double machine_slowdown = 0.1;  // of a level's time over what the machine could do
};

// One number of the two reports.
struct Change {
  uint32_t level_permille = 0;
  // "accuracy of app", "mean accuracy", "loss on wiki.txt", "TTFT over level 1.0",
  // "TPOT over the machine", ...
  std::string what;
  double before = 0;
  double after = 0;
  // How much worse: points of accuracy as a share, nats, or a part of the time. Negative: better.
  double worse = 0;
  // Where chance may have it, by the items' or the rounds' spread; `worse` itself where the
  // numbers have neither.
  double low = 0;
  double high = 0;
  double limit = 0;
  bool regression = false;
};

struct Comparison {
  std::vector<Change> changes;     // level by level, ascending
  std::vector<std::string> notes;  // what could not be compared, and why
  bool regressed() const;
};

// Throws elm::Error (kInvalidArgument) when the reports are not about the same questions, named
// after the first difference, or when `after` lacks a level of `before`. The names are those of the
// files, for messages.
Comparison CompareReports(const EvalReport& before, const std::string& before_name,
                          const EvalReport& after, const std::string& after_name,
                          const CompareLimits& limits);

// A Markdown table of all changes, regressions marked, and a last line that sums up.
std::string ComparisonMarkdown(const Comparison& comparison);

}  // namespace elm
