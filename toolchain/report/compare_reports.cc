#include "toolchain/report/compare_reports.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "formats/model/level_table.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

// Normal distribution, 95 %.
constexpr double kConfidence = 1.96;

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
    }
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
      Add(before, "loss on " + before_.texts[i].name, TextLoss(before.texts[i]).value,
          TextLoss(after.texts[i]).value, rise, limits_.loss_rise);
    }
    AddLatency(before, after);
  }

  void AddAccuracy(const LevelScores& level, const std::string& what, double before, double after,
                   const Estimate& drop) {
    Add(level, what, before, after, drop, limits_.accuracy_drop);
  }

  void AddLatency(const LevelScores& before, const LevelScores& after) {
    const LevelScores* full_before = before_.full();
    const LevelScores* full_after = after_.full();
    if (full_before == nullptr || full_after == nullptr || &before == full_before) return;
    if (!before.latency || !after.latency || !full_before->latency || !full_after->latency) return;
    const auto add = [&](const char* what, double LevelLatency::*time) {
      const double was = *before.latency.*time / (*full_before->latency.*time);
      const double is = *after.latency.*time / (*full_after->latency.*time);
      Add(before, what, was, is, {is / was - 1, 0}, limits_.slowdown);
    };
    add("TTFT over level 1.0", &LevelLatency::ttft_ms);
    add("TPOT over level 1.0", &LevelLatency::tpot_ms);
  }

  void Add(const LevelScores& level, const std::string& what, double before, double after,
           const Estimate& worse, double limit) {
    const double error = std::isnan(worse.standard_error) ? 0 : worse.standard_error;
    const bool regression = worse.value > limit && worse.value > kConfidence * error;
    result_.changes.push_back(
        {level.name_permille, what, before, after, worse.value, error, limit, regression});
  }

  const EvalReport& before_;
  const std::string& before_name_;
  const EvalReport& after_;
  const std::string& after_name_;
  const CompareLimits& limits_;
  Comparison result_;
};

std::string Format(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

// The numbers of a change, as people read them.
struct Cells {
  std::string before, after, worse, limit;
};

Cells CellsOf(const Change& change) {
  const bool accuracy = change.what.find("accuracy") != std::string::npos;
  const bool loss = change.what.starts_with("loss");
  const double scale = loss ? 1 : 100;
  const char* number = loss ? "%.4f" : "%.1f";
  const char* difference = loss ? "%+.4f" : "%+.1f";
  std::string worse = Format(difference, accuracy ? -scale * change.worse : scale * change.worse);
  if (change.standard_error > 0) {
    worse += Format(loss ? " ±%.4f" : " ±%.1f", scale * change.standard_error);
  }
  return {Format(number, scale * change.before), Format(number, scale * change.after), worse,
          Format(number, scale * change.limit)};
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
      "| level | measure | before | after | change | allowed | |\n"
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
