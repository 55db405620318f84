#include "toolchain/eval/score_tasks.h"

#include <algorithm>
#include <numeric>
#include <span>

namespace elm {
namespace {

constexpr size_t kSpareTokens = 8;  // that greedy decoding may write beyond the answer's length

double MeanLogProbability(const ContinuationScore& score) {
  const auto& values = score.log_probabilities;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TaskOutcome ScoreOptions(const Task& task, const RequestScore& scores) {
  TaskOutcome outcome;
  for (const ContinuationScore& score : scores) {
    outcome.option_scores.push_back(MeanLogProbability(score));
  }
  const auto& options = outcome.option_scores;
  if (!task.multiple_choice()) {
    outcome.answer_nll = -options.front();
    return outcome;
  }
  const size_t answer = AnswerIndex(task);
  const auto best = std::max_element(options.begin(), options.end()) - options.begin();
  outcome.correct = static_cast<size_t>(best) == answer;
  outcome.answer_nll = -options[answer];
  return outcome;
}

// A text that greedy decoding is writing.
struct Writing {
  size_t task;
  size_t most_tokens;
  std::vector<uint32_t> ids;
};

// What greedy decoding wrote as long as it agreed with the draft, and its first token behind that.
std::vector<uint32_t> AgreedAndNext(std::span<const uint32_t> draft,
                                    std::span<const uint32_t> greedy) {
  const auto split = std::mismatch(draft.begin(), draft.end(), greedy.begin()).second;
  return {greedy.begin(), split + 1};
}

// Judges every writing; the open ones remain.
void Judge(const TaskSet& set, const AnswerDecoder& decoder, std::vector<Writing>& writings,
           std::vector<TaskOutcome>& outcomes) {
  std::erase_if(writings, [&](const Writing& writing) {
    const MatchVerdict verdict =
        JudgeExactMatch(writing.ids, set.tasks[writing.task].answer, writing.most_tokens, decoder);
    outcomes[writing.task].correct = verdict == MatchVerdict::kRight;
    return verdict != MatchVerdict::kOpen;
  });
}

// One more token for every writing.
void WriteOn(ScoringEngine& engine, size_t level, const TaskSet& set,
             std::vector<Writing>& writings) {
  std::vector<ScoringRequest> requests;
  for (const Writing& writing : writings) {
    requests.push_back({set.requests[writing.task].prompt, {writing.ids}, /*greedy=*/true});
  }
  const std::vector<RequestScore> scores = engine.Score(level, requests);
  for (size_t i = 0; i < writings.size(); ++i) {
    writings[i].ids.push_back(scores[i].front().greedy.back());
  }
}

}  // namespace

std::vector<TaskOutcome> ScoreTasks(ScoringEngine& engine, size_t level, const TaskSet& set,
                                    const AnswerRules& rules, const ScoringProgress& progress) {
  const std::vector<RequestScore> scores = engine.Score(level, set.requests, progress);
  std::vector<TaskOutcome> outcomes;
  std::vector<Writing> writings;
  for (size_t task = 0; task < set.tasks.size(); ++task) {
    outcomes.push_back(ScoreOptions(set.tasks[task], scores[task]));
    if (set.tasks[task].multiple_choice()) continue;
    const auto& draft = set.requests[task].continuations.front();
    // A token can still be asked for when prompt and text fill the context.
    const size_t room = rules.context - set.requests[task].prompt.size() + 1;
    writings.push_back({task, std::min(draft.size() + kSpareTokens, room),
                        AgreedAndNext(draft, scores[task].front().greedy)});
  }
  for (Judge(set, rules.decoder, writings, outcomes); !writings.empty();
       Judge(set, rules.decoder, writings, outcomes)) {
    WriteOn(engine, level, set, writings);
  }
  return outcomes;
}

}  // namespace elm
