#include "toolchain/tlm/policies.h"

#include <utility>

#include "runtime/orchestrator/decide.h"
#include "toolchain/base/error.h"

namespace elm {
namespace {

// The best feasible pair of those that `allowed` names.
template <typename Allowed>
std::optional<size_t> BestOf(const Feasibility& feasibility, const std::vector<double>& accuracy,
                             const Allowed& allowed) {
  Feasibility some = feasibility;
  for (size_t pair = 0; pair < some.pairs.size(); ++pair) {
    if (!allowed(pair)) some.pairs[pair].feasible = false;
  }
  return BestFeasible(some, accuracy);
}

// Sums of right answers over SLOs, one for each policy.
using Sums = std::vector<double>;

class Scorer {
 public:
  explicit Scorer(const PolicyQuestions& questions) : questions_(questions) {}

  void Add(size_t item, const Feasibility& feasible, const DecisionOutputs* outputs, Sums& sums) {
    const LabelCube& cube = questions_.cube;
    const std::vector<double>& accuracy = questions_.validation.accuracy;
    const LevelGrid& grid = feasible.grid;
    const size_t full_prompt = grid.prompt_permille.size() - 1;
    const size_t full_model = grid.model_permille.size() - 1;
    const auto count = [&](Policy policy, const std::optional<size_t>& pair) {
      if (pair && cube.IsRight(item, *pair)) sums[static_cast<size_t>(policy)] += 1;
    };
    const std::optional<size_t> fixed = BestFeasible(feasible, accuracy);
    count(Policy::kBestFixed, fixed);
    count(Policy::kModelOnly, BestOf(feasible, accuracy, [&](size_t pair) {
            return grid.prompt_level(pair) == full_prompt;
          }));
    count(Policy::kPromptOnly, BestOf(feasible, accuracy, [&](size_t pair) {
            return grid.model_level(pair) == full_model;
          }));
    sums[static_cast<size_t>(Policy::kRandom)] += MeanRight(item, feasible);
    if (questions_.rewordings != nullptr) {
      const std::optional<size_t> known = BestOf(feasible, accuracy, [&](size_t pair) {
        return questions_.rewordings->IsRight(item, pair);
      });
      count(Policy::kOracle, known ? known : fixed);
    }
    if (outputs == nullptr) return;
    const TlmAnswer answer = AnswerFor(item, *outputs);
    for (const auto& [policy, kind] : {std::pair(Policy::kGrid, DecisionKind::kGrid),
                                       std::pair(Policy::kClassifiers, DecisionKind::kClassifiers)}) {
      const Decision decision = Decide(feasible, &answer, &questions_.validation, kind);
      count(policy, grid.pair(decision.prompt_level, decision.model_level));
    }
  }

 private:
  // What the tiny LM says of an item, as the runtime hands it to its chooser.
  TlmAnswer AnswerFor(size_t item, const DecisionOutputs& outputs) const {
    const size_t prompts = questions_.cube.prompt_levels_permille.size();
    const size_t models = questions_.cube.model_levels_permille.size();
    const auto row = [item](const std::vector<float>& values, size_t width) {
      const auto begin = values.begin() + static_cast<ptrdiff_t>(item * width);
      return std::vector<float>(begin, begin + static_cast<ptrdiff_t>(width));
    };
    TlmAnswer answer;
    answer.prompt_levels = row(outputs.prompt_levels, prompts);
    answer.model_levels = row(outputs.model_levels, models);
    answer.right = row(outputs.right, prompts * models);
    return answer;
  }

  double MeanRight(size_t item, const Feasibility& feasible) const {
    double right = 0;
    double pairs = 0;
    for (size_t pair = 0; pair < feasible.pairs.size(); ++pair) {
      if (!feasible.pairs[pair].feasible) continue;
      right += questions_.cube.IsRight(item, pair) ? 1 : 0;
      pairs += 1;
    }
    return right / pairs;
  }

  const PolicyQuestions& questions_;
};

}  // namespace

const char* PolicyName(Policy policy) {
  switch (policy) {
    case Policy::kGrid:
      return "grid head";
    case Policy::kClassifiers:
      return "classifiers";
    case Policy::kOracle:
      return "oracle";
    case Policy::kRandom:
      return "random";
    case Policy::kBestFixed:
      return "best fixed";
    case Policy::kModelOnly:
      return "model only";
    case Policy::kPromptOnly:
      return "prompt only";
  }
  return "unknown";
}

PolicyScores ScorePolicies(const PolicyQuestions& questions, std::span<const SloShares> slos,
                           const OutputsUnder& outputs) {
  const size_t items = questions.cube.items.size();
  if (questions.rewordings != nullptr && questions.rewordings->items.size() != items) {
    throw Error(InvalidArgument("there are ", items, " questions and ",
                                questions.rewordings->items.size(), " other wordings of them"));
  }
  std::vector<Sums> sums(items, Sums(std::size(kPolicies), 0));
  std::vector<double> feasible_slos(items, 0);
  Scorer scorer(questions);
  for (const SloShares& slo : slos) {
    std::optional<DecisionOutputs> said;
    if (outputs) said = outputs(slo);
    for (size_t item = 0; item < items; ++item) {
      const Feasibility feasible = FeasibleFor(questions.cube, item, questions.table, slo);
      if (!feasible.any()) continue;
      feasible_slos[item] += 1;
      scorer.Add(item, feasible, said ? &*said : nullptr, sums[item]);
    }
  }
  PolicyScores scores;
  scores.right.resize(std::size(kPolicies));
  for (size_t item = 0; item < items; ++item) {
    if (feasible_slos[item] == 0) continue;
    ++scores.questions;
    for (const Policy policy : kPolicies) {
      const bool asked = policy == Policy::kOracle
                             ? questions.rewordings != nullptr
                             : static_cast<bool>(outputs) ||
                                   (policy != Policy::kGrid && policy != Policy::kClassifiers);
      if (!asked) continue;
      const auto index = static_cast<size_t>(policy);
      scores.right[index].push_back(sums[item][index] / feasible_slos[item]);
    }
  }
  return scores;
}

}  // namespace elm
