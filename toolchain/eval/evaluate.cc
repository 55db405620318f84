#include "toolchain/eval/evaluate.h"

namespace elm {
namespace {

// Adds up the progress of one piece of work after the other.
class TotalProgress {
 public:
  TotalProgress(const ScoringProgress& progress, size_t total)
      : progress_(progress), total_(total) {}

  ScoringProgress OfNext(size_t pieces) {
    const size_t before = begun_;
    begun_ += pieces;
    if (!progress_) return {};
    return [this, before](size_t done, size_t) { progress_(before + done, total_); };
  }

 private:
  const ScoringProgress& progress_;
  size_t total_;
  size_t begun_ = 0;
};

// Tasks and windows of one level.
size_t PiecesOf(const Questions& questions) {
  size_t pieces = questions.tasks.tasks.size();
  for (const TextSet& text : questions.texts) pieces += text.windows.count();
  return pieces;
}

FamilyScore ScoreOf(const TaskFamily& family, std::span<const TaskOutcome> outcomes) {
  FamilyScore score;
  for (const TaskOutcome& outcome : outcomes.subspan(family.begin, family.items())) {
    score.correct.push_back(outcome.correct);
    score.nll += outcome.answer_nll / static_cast<double>(family.items());
  }
  return score;
}

}  // namespace

std::vector<EvalFamily> DescribeFamilies(const TaskSet& tasks) {
  std::vector<EvalFamily> families;
  for (const TaskFamily& family : tasks.families) {
    families.push_back({.name = family.name,
                        .source = family.source,
                        .items = family.items(),
                        .skipped = family.skipped,
                        .chance = family.chance,
                        .hash = family.hash});
  }
  return families;
}

std::vector<EvalText> DescribeTexts(std::span<const TextSet> texts) {
  std::vector<EvalText> described;
  for (const TextSet& text : texts) {
    described.push_back({.name = text.name,
                         .windows = text.windows.count(),
                         .window_tokens = text.windows.length,
                         .hash = text.hash});
  }
  return described;
}

QuestionScores AskLevel(ScoringEngine& engine, size_t level, const Questions& questions,
                        const AnswerRules& rules, const ScoringProgress& progress) {
  TotalProgress total(progress, PiecesOf(questions));
  QuestionScores scores;
  const std::vector<TaskOutcome> outcomes =
      ScoreTasks(engine, level, questions.tasks, rules, total.OfNext(questions.tasks.tasks.size()));
  for (const TaskFamily& family : questions.tasks.families) {
    scores.families.push_back(ScoreOf(family, outcomes));
  }
  for (const TextSet& text : questions.texts) {
    scores.texts.push_back(
        {engine.WindowLosses(level, text.windows, total.OfNext(text.windows.count()))});
  }
  return scores;
}

std::vector<LevelScores> Evaluate(ScoringEngine& engine, const ModelConfig& config,
                                  const LevelTable& levels, std::span<const size_t> chosen,
                                  const Questions& questions, const AnswerRules& rules,
                                  const ScoringProgress& progress) {
  const size_t pieces = PiecesOf(questions);
  TotalProgress total(progress, pieces * chosen.size());
  std::vector<LevelScores> scores;
  for (const size_t index : chosen) {
    const Level& level = levels.levels.at(index);
    LevelScores& row = scores.emplace_back();
    row.name_permille = level.name_permille;
    row.reached_share = TrueShare(config, level);
    static_cast<QuestionScores&>(row) =
        AskLevel(engine, index, questions, rules, total.OfNext(pieces));
  }
  return scores;
}

}  // namespace elm
