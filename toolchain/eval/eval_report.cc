#include "toolchain/eval/eval_report.h"

#include <cstddef>

namespace elm {
namespace {

std::vector<double> AsNumbers(const std::vector<bool>& correct) {
  return {correct.begin(), correct.end()};
}

}  // namespace

const LevelScores* EvalReport::full() const {
  const bool measured = !levels.empty() && levels.back().name_permille == 1000;
  return measured ? &levels.back() : nullptr;
}

Estimate Accuracy(const FamilyScore& score) { return MeanOf(AsNumbers(score.correct)); }

Estimate AccuracyDifference(const FamilyScore& score, const FamilyScore& other) {
  return PairedDifference(AsNumbers(score.correct), AsNumbers(other.correct));
}

Estimate MeanAccuracy(const LevelScores& level) {
  std::vector<Estimate> accuracies;
  for (const FamilyScore& family : level.families) accuracies.push_back(Accuracy(family));
  return MeanOfEstimates(accuracies);
}

Estimate MeanAccuracyDifference(const LevelScores& level, const LevelScores& other) {
  std::vector<Estimate> differences;
  for (size_t family = 0; family < level.families.size(); ++family) {
    differences.push_back(AccuracyDifference(level.families[family], other.families.at(family)));
  }
  return MeanOfEstimates(differences);
}

double MeanFromChance(const EvalReport& report, const LevelScores& level) {
  double sum = 0;
  for (size_t family = 0; family < level.families.size(); ++family) {
    sum += FromChance(Accuracy(level.families[family]).value, report.families.at(family).chance);
  }
  return sum / static_cast<double>(level.families.size());
}

Estimate TextLoss(const TextScore& score) { return MeanOf(score.losses); }

}  // namespace elm
