#include "toolchain/report/compare_reports.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"
#include "toolchain/base/quantities.h"
#include "toolchain/eval/repeat_statistics.h"

namespace elm {
namespace {

// Of the normal distribution: 95 % of a mean over items.
constexpr double kItemsConfidence = 1.96;
// Latency: 99.7 %, since an evaluation of nine levels compares 34 times and one alarm in hundreds
// of honest runs is enough.
constexpr double kRoundsConfidence = 3;

// Time in rounds of (rate of the machine): what the machine could have done meanwhile.
std::vector<double> Products(const std::vector<double>& times, const std::vector<double>& rates) {
  std::vector<double> products;
  for (size_t i = 0; i < std::min(times.size(), rates.size()); ++i) {
    products.push_back(times[i] * rates[i]);
  }
  return products;
}

// Two series and how they relate.
struct Shift {
  Shift(std::vector<double> was, std::vector<double> is)
      : before(std::move(was)),
        after(std::move(is)),
        estimate(ShiftRatio(before, after, kRoundsConfidence)) {}

  std::vector<double> before;
  std::vector<double> after;
  RatioEstimate estimate;
};

// Refuses reports that differ in `what`.
template <typename T>
void RequireSame(const std::string& what, const T& before, const std::string& before_name,
                 const T& after, const std::string& after_name) {
  if (before == after) return;
  throw Error(InvalidArgument(after_name, ": ", what, " is ", after, ", but in ", before_name,
                              " it is ", before,
                              "; compare evaluations of the same questions (elmc eval with the "
                              "same --tasks, --split, --seed, --count, --limit, --drop)"));
}

class Comparer {
 public:
  Comparer(const EvalReport& before, const std::string& before_name, const EvalReport& after,
           const std::string& after_name, const CompareLimits& limits)
      : before_(before),
        before_name_(before_name),
        after_(after),
        after_name_(after_name),
        limits_(limits) {}

  Comparison Run() {
    RequireSameQuestions();
    for (const LevelScores& level : before_.levels) CompareLevel(level, LevelOf(after_, level));
    if (!before_.latency || !after_.latency) {
      result_.notes.push_back(
          "latency is not compared: it is not in both files (elmc eval "
          "--latency measures it)");
    } else if (!before_.machine || !after_.machine) {
      result_.notes.push_back(
          "latency is judged by medians of level over level 1.0: a file of schema version 1 has no "
          "rounds and no rates of the machine");
    } else if (!ComparableMachines()) {
      result_.notes.push_back(
          StrCat("latency is not held against the machines' rates: one measured ",
                 before_.machine->operation, ", the other ", after_.machine->operation));
    }
    AddSpreadNote();
    return std::move(result_);
  }

 private:
  void Same(const std::string& what, const auto& before, const auto& after) const {
    RequireSame(what, before, before_name_, after, after_name_);
  }

  void RequireSameQuestions() const {
    const EvalConditions& a = before_.conditions;
    const EvalConditions& b = after_.conditions;
    Same("the split", a.split, b.split);
    Same("the seed", a.seed, b.seed);
    Same("the count of tasks", a.count, b.count);
    Same("the limit of tasks", a.limit, b.limit);
    Same("what is dropped from contexts", a.drop, b.drop);
    Same("the share of contexts kept", a.keep, b.keep);
    Same("the number of task families", before_.families.size(), after_.families.size());
    for (size_t i = 0; i < before_.families.size(); ++i) {
      Same(StrCat("family ", i), before_.families[i].name, after_.families[i].name);
      const std::string family = "family " + before_.families[i].name;
      Same("the number of items of " + family, before_.families[i].items, after_.families[i].items);
      Same("the hash of the tasks of " + family, before_.families[i].hash, after_.families[i].hash);
    }
    Same("the number of texts", before_.texts.size(), after_.texts.size());
    for (size_t i = 0; i < before_.texts.size(); ++i) {
      Same("the hash of text " + before_.texts[i].name, before_.texts[i].hash,
           after_.texts[i].hash);
      Same("the windows of text " + before_.texts[i].name, before_.texts[i].windows,
           after_.texts[i].windows);
      Same("the tokens of a window of text " + before_.texts[i].name,
           before_.texts[i].window_tokens, after_.texts[i].window_tokens);
    }
    if (!before_.latency || !after_.latency) return;
    Same("the prompt of the latency", before_.latency->prompt_tokens,
         after_.latency->prompt_tokens);
    Same("the output of the latency", before_.latency->output_tokens,
         after_.latency->output_tokens);
  }

  const LevelScores& LevelOf(const EvalReport& report, const LevelScores& level) const {
    const auto found = std::find_if(
        report.levels.begin(), report.levels.end(),
        [&](const LevelScores& other) { return other.name_permille == level.name_permille; });
    if (found != report.levels.end()) return *found;
    throw Error(InvalidArgument(after_name_, ": lacks level ", LevelName(level.name_permille),
                                ", which ", before_name_, " has; evaluate all levels"));
  }

  void CompareLevel(const LevelScores& before, const LevelScores& after) {
    for (size_t i = 0; i < before.families.size(); ++i) {
      AddAccuracy(before, "accuracy of " + before_.families[i].name,
                  Accuracy(before.families[i]).value, Accuracy(after.families[i]).value,
                  AccuracyDifference(before.families[i], after.families[i]));
    }
    if (before.families.size() > 1) {
      AddAccuracy(before, "mean accuracy", MeanAccuracy(before).value, MeanAccuracy(after).value,
                  MeanAccuracyDifference(before, after));
    }
    for (size_t i = 0; i < before.texts.size(); ++i) {
      const Estimate rise = PairedDifference(after.texts[i].losses, before.texts[i].losses);
      AddItems(before, "loss on " + before_.texts[i].name, TextLoss(before.texts[i]).value,
               TextLoss(after.texts[i]).value, rise, limits_.loss_rise);
    }
    AddLatency(before, after);
  }

  void AddAccuracy(const LevelScores& level, const std::string& what, double before, double after,
                   const Estimate& drop) {
    AddItems(level, what, before, after, drop, limits_.accuracy_drop);
  }

  // One of the two times of a request.
  struct Measure {
    const char* name;
    double LevelLatency::*median;
    std::vector<double> RequestTimes::*rounds;
  };

  void AddLatency(const LevelScores& before, const LevelScores& after) {
    if (!before.latency || !after.latency) return;
    const bool rounds =
        !before.latency->rounds.ttft_ms.empty() && !after.latency->rounds.ttft_ms.empty();
    const LevelScores* full_before = before_.full();
    const LevelScores* full_after = after_.full();
    const bool over_full = full_before != nullptr && full_after != nullptr &&
                           &before != full_before && full_before->latency && full_after->latency;
    for (const Measure& measure :
         {Measure{"TTFT", &LevelLatency::ttft_ms, &RequestTimes::ttft_ms},
          Measure{"TPOT", &LevelLatency::tpot_ms, &RequestTimes::tpot_ms}}) {
      const std::string what = StrCat(measure.name, " over level 1.0");
      if (over_full && rounds) {
        AddShift(before, what,
                 RatiosOf(before.latency->rounds.*measure.rounds,
                          full_before->latency->rounds.*measure.rounds),
                 RatiosOf(after.latency->rounds.*measure.rounds,
                          full_after->latency->rounds.*measure.rounds),
                 limits_.slowdown);
      } else if (over_full) {
        AddMedians(before, what,
                   *before.latency.*measure.median / (*full_before->latency.*measure.median),
                   *after.latency.*measure.median / (*full_after->latency.*measure.median));
      }
      if (rounds && ComparableMachines()) AddOverMachine(before, after, measure);
    }
  }

  bool ComparableMachines() const {
    return before_.machine && after_.machine &&
           before_.machine->operation == after_.machine->operation;
  }

  // Files of schema version 1: no spread is known.
  void AddMedians(const LevelScores& level, const std::string& what, double was, double is) {
    const double worse = is / was - 1;
    Add(level, what, was, is, worse, worse, worse, limits_.slowdown);
  }

  void AddShift(const LevelScores& level, const std::string& what,
                const std::vector<double>& before, const std::vector<double>& after, double limit) {
    const RatioEstimate shift = ShiftRatio(before, after, kRoundsConfidence);
    Add(level, what, MedianOf(before), MedianOf(after), shift.ratio - 1, shift.low - 1,
        shift.high - 1, limit);
    NoteSpread(level, what, shift, limit);
  }

  // The time in units of what the machine could have done meanwhile. Prefill is bound by
  // operations. A token's weights come from memory or, when the model is small, from the cache at
  // the speed of the core: of both rates the one that explains more of the change is taken, so that
  // a machine whose memory is busier is no slowdown of the program.
  void AddOverMachine(const LevelScores& before, const LevelScores& after, const Measure& measure) {
    const auto shift = [&](std::vector<double> MachineRates::*rates) {
      return Shift{Products(before.latency->rounds.*measure.rounds, *before_.machine.*rates),
                   Products(after.latency->rounds.*measure.rounds, *after_.machine.*rates)};
    };
    Shift chosen = shift(&MachineRates::operations_per_second);
    if (measure.rounds == &RequestTimes::tpot_ms) {
      Shift reads = shift(&MachineRates::read_bytes_per_second);
      if (reads.estimate.ratio < chosen.estimate.ratio) chosen = std::move(reads);
    }
    const double unit = MedianOf(chosen.before);  // before is 1
    for (std::vector<double>* values : {&chosen.before, &chosen.after}) {
      for (double& value : *values) value /= unit;
    }
    AddShift(before, StrCat(measure.name, " over the machine"), chosen.before, chosen.after,
             limits_.machine_slowdown);
  }

  // What cannot be seen for noise is said once, with the worst example.
  void NoteSpread(const LevelScores& level, const std::string& what, const RatioEstimate& shift,
                  double limit) {
    const double blind = (shift.ratio - shift.low) / shift.ratio;
    if (blind <= limit) return;
    ++unclear_;
    if (blind <= most_unclear_) return;
    most_unclear_ = blind;
    unclear_example_ = StrCat(what, " at level ", LevelName(level.name_permille));
  }

  void AddSpreadNote() {
    if (unclear_ == 0) return;
    const bool few = most_unclear_ >= 1;
    result_.notes.push_back(
        StrCat(unclear_, " of the latencies spread too much to show a slowdown of their limit (",
               unclear_example_,
               few ? ": too few repeats to tell" : Format(": %.0f %%", 100 * most_unclear_),
               "); measure with more --latency-repeats or on a quieter machine"));
  }

  // Accuracy and loss.
  void AddItems(const LevelScores& level, const std::string& what, double before, double after,
                const Estimate& worse, double limit) {
    const double error = std::isnan(worse.standard_error) ? 0 : worse.standard_error;
    Add(level, what, before, after, worse.value, worse.value - kItemsConfidence * error,
        worse.value + kItemsConfidence * error, limit);
  }

  void Add(const LevelScores& level, const std::string& what, double before, double after,
           double worse, double low, double high, double limit) {
    const bool regression = worse > limit && low > 0;
    result_.changes.push_back(
        {level.name_permille, what, before, after, worse, low, high, limit, regression});
  }

  const EvalReport& before_;
  const std::string& before_name_;
  const EvalReport& after_;
  const std::string& after_name_;
  const CompareLimits& limits_;
  Comparison result_;
  size_t unclear_ = 0;  // latencies whose spread is wider than their limit
  double most_unclear_ = 0;
  std::string unclear_example_;
};

// The numbers of a change, as people read them.
struct Cells {
  std::string before, after, worse, limit;
};

bool IsAccuracy(const Change& change) { return change.what.find("accuracy") != std::string::npos; }
bool IsLoss(const Change& change) { return change.what.starts_with("loss"); }

// "-1.0 (-1.6 to -0.4)" with the interval where there is one. Accuracy that got worse is a minus.
std::string ChangeCell(const Change& change) {
  const double scale = IsLoss(change) ? 1 : IsAccuracy(change) ? -100 : 100;
  const char* number = IsLoss(change) ? "%+.4f" : "%+.1f";
  std::string cell = Format(number, scale * change.worse + 0.0);  // no -0.0
  if (change.low == change.high) return cell;
  const double ends[] = {scale * change.low, scale * change.high};
  if (std::isinf(ends[1])) return cell;
  return cell + " (" + Format(number, std::min(ends[0], ends[1])) + " to " +
         Format(number, std::max(ends[0], ends[1])) + ")";
}

Cells CellsOf(const Change& change) {
  const double scale = IsLoss(change) ? 1 : 100;
  const char* number = IsLoss(change) ? "%.4f" : "%.1f";
  return {Format(number, scale * change.before), Format(number, scale * change.after),
          ChangeCell(change), Format(number, scale * change.limit)};
}

}  // namespace

bool Comparison::regressed() const {
  return std::any_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.regression; });
}

Comparison CompareReports(const EvalReport& before, const std::string& before_name,
                          const EvalReport& after, const std::string& after_name,
                          const CompareLimits& limits) {
  return Comparer(before, before_name, after, after_name, limits).Run();
}

std::string ComparisonMarkdown(const Comparison& comparison) {
  std::string text =
      "| level | measure | before | after | change (interval) | allowed | |\n"
      "|---|---|--:|--:|--:|--:|---|\n";
  size_t regressions = 0;
  for (const Change& change : comparison.changes) {
    const Cells cells = CellsOf(change);
    text += "| " + LevelName(change.level_permille) + " | " + change.what + " | " + cells.before +
            " | " + cells.after + " | " + cells.worse + " | " + cells.limit + " | " +
            (change.regression ? "**worse**" : "") + " |\n";
    if (change.regression) ++regressions;
  }
  for (const std::string& note : comparison.notes) text += "\n" + note + "\n";
  text += StrCat("\n", comparison.changes.size(), " compared, ", regressions,
                 regressions == 1 ? " regression\n" : " regressions\n");
  return text;
}

}  // namespace elm
