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

Estimate MeanAccuracy(const QuestionScores& scores) {
  std::vector<Estimate> accuracies;
  for (const FamilyScore& family : scores.families) accuracies.push_back(Accuracy(family));
  return MeanOfEstimates(accuracies);
}

Estimate MeanAccuracyDifference(const QuestionScores& scores, const QuestionScores& other) {
  std::vector<Estimate> differences;
  for (size_t family = 0; family < scores.families.size(); ++family) {
    differences.push_back(AccuracyDifference(scores.families[family], other.families.at(family)));
  }
  return MeanOfEstimates(differences);
}

double MeanFromChance(const EvalReport& report, const QuestionScores& scores) {
  double sum = 0;
  for (size_t family = 0; family < scores.families.size(); ++family) {
    sum += FromChance(Accuracy(scores.families[family]).value, report.families.at(family).chance);
  }
  return sum / static_cast<double>(scores.families.size());
}

Estimate TextLoss(const TextScore& score) { return MeanOf(score.losses); }

Estimate TextLossDifference(const TextScore& score, const TextScore& other) {
  return PairedDifference(score.losses, other.losses);
}

}  // namespace elm
