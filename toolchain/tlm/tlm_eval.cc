#include "toolchain/tlm/tlm_eval.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "datasets/pocket/random.h"
#include "toolchain/base/error.h"
#include "toolchain/base/worker_pool.h"
#include "toolchain/eval/rank_correlation.h"
#include "toolchain/eval/task_request.h"
#include "toolchain/eval/torch_engine.h"
#include "toolchain/tlm/task_words.h"

namespace elm {
namespace {

constexpr size_t kEngineBatch = 4;
constexpr size_t kScoreBatch = 4;

using WordScoresOfTasks = std::vector<std::vector<float>>;

WordScoresOfTasks RandomScores(std::span<const Task> tasks, uint64_t seed) {
  WordScoresOfTasks scores;
  for (const Task& task : tasks) {
    pocket::Random random(seed ^ HashTask(task));
    std::vector<float>& words = scores.emplace_back(CountContextWords(task));
    for (float& word : words) word = static_cast<float>(random.Next() >> 40);
  }
  return scores;
}

WordScoresOfTasks NeededScores(std::span<const Task> tasks, uint64_t seed) {
  WordScoresOfTasks scores = RandomScores(tasks, seed);
  for (size_t i = 0; i < tasks.size(); ++i) {
    size_t first = 0;
    for (size_t part = 0; part < tasks[i].needed_words.size(); ++part) {
      for (const uint32_t word : tasks[i].needed_words[part]) scores[i][first + word] += 1e9F;
      first += SplitWords(tasks[i].context[part]).size();
    }
  }
  return scores;
}

WordScoresOfTasks ScoresOf(WordSelector selector, const TlmSubject& subject,
                           const TlmOptions& options, const StoredTlm& tlm,
                           std::span<const Task> tasks) {
  switch (selector) {
    case WordSelector::kTinyLm:
      return TlmJob::Scorer(tlm)(tasks).words;
    case WordSelector::kSurprise:
      return WordSurprise(subject.model, subject.reading, tasks, kScoreBatch);
    case WordSelector::kSaliency:
      return WordSaliency(subject.model, subject.reading, tasks, options.saliency);
    case WordSelector::kNeeded:
      return NeededScores(tasks, options.seed);
    case WordSelector::kAll:
    case WordSelector::kRandom:
      break;
  }
  return RandomScores(tasks, options.seed);
}

// Right answers at the full level, 0 or 1 for each task, with round(share * words) words left.
std::vector<double> AnswersWith(const WordScoresOfTasks& scores, double share,
                                const TlmSubject& subject, ScoringEngine& engine,
                                std::span<const Task> tasks) {
  TaskSet set;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto words = static_cast<double>(scores[i].size());
    set.tasks.push_back(KeepContextWords(
        tasks[i], HighestWords(scores[i], static_cast<size_t>(std::lround(share * words)))));
    set.requests.push_back(
        MakeScoringRequest(set.tasks.back(), subject.reading.encode, subject.reading.bos));
  }
  std::vector<double> right;
  for (const TaskOutcome& outcome :
       ScoreTasks(engine, subject.levels.levels.size() - 1, set, subject.rules)) {
    right.push_back(outcome.correct ? 1 : 0);
  }
  return right;
}

nlohmann::json Json(const Estimate& estimate) {
  nlohmann::json json = {{"value", estimate.value}};
  json["standard_error"] = std::isfinite(estimate.standard_error)
                               ? nlohmann::json(estimate.standard_error)
                               : nlohmann::json(nullptr);
  return json;
}

// The mean over families that all count alike, as `elmc eval` has it.
Estimate FamilyMean(std::span<const double> values, std::span<const Task> tasks,
                    nlohmann::json* families) {
  std::map<std::string, std::vector<double>> by_family;
  for (size_t i = 0; i < tasks.size(); ++i) by_family[tasks[i].task].push_back(values[i]);
  std::vector<Estimate> means;
  for (const auto& [family, of_family] : by_family) {
    means.push_back(MeanOf(of_family));
    if (families != nullptr) (*families)[family] = Json(means.back());
  }
  return MeanOfEstimates(means);
}

}  // namespace

const char* WordSelectorName(WordSelector selector) {
  switch (selector) {
    case WordSelector::kAll:
      return "all words";
    case WordSelector::kTinyLm:
      return "tiny LM";
    case WordSelector::kRandom:
      return "random";
    case WordSelector::kSurprise:
      return "surprise";
    case WordSelector::kSaliency:
      return "saliency";
    case WordSelector::kNeeded:
      return "needed";
  }
  return "unknown";
}

std::vector<SelectorScore> CompareSelectors(const TlmSubject& subject, const TlmOptions& options,
                                            const StoredTlm& tlm, std::span<const Task> tasks,
                                            double keep, const TlmHooks& hooks) {
  TorchEngine engine(subject.model, subject.levels, kEngineBatch, ThreadsOrAll(options.threads),
                     subject.adapters);
  std::vector<SelectorScore> results;
  for (const WordSelector selector : kWordSelectors) {
    if (hooks.throw_if_cancelled) hooks.throw_if_cancelled();
    if (hooks.report) {
      hooks.report("selectors", results.size(), std::size(kWordSelectors),
                   WordSelectorName(selector));
    }
    const WordScoresOfTasks scores = ScoresOf(selector, subject, options, tlm, tasks);
    const double share = selector == WordSelector::kAll ? 1 : keep;
    results.push_back({selector, AnswersWith(scores, share, subject, engine, tasks)});
  }
  if (hooks.report) hooks.report("selectors", results.size(), results.size(), "");
  return results;
}

std::string SaliencyName(const SaliencyOptions& options) {
  std::string name = options.gate == WordGate::kVisibility ? "visibility" : "embedding";
  name += options.loss == AnswerLoss::kChoice ? ", choice" : ", answer";
  for (const double& at : options.path) name += StrCat(&at == options.path.data() ? ", " : " ", at);
  return name;
}

std::vector<SaliencyVariant> CompareSaliency(const TlmSubject& subject, const TlmOptions& options,
                                             std::span<const Task> tasks, size_t exact, double keep,
                                             const TlmHooks& hooks) {
  constexpr auto kVisibility = WordGate::kVisibility;
  constexpr auto kEmbedding = WordGate::kEmbedding;
  constexpr auto kChoice = AnswerLoss::kChoice;
  const std::vector<SaliencyOptions> variants = {{kVisibility, kChoice, {1.0}},
                                                 {kVisibility, kChoice, {0.5}},
                                                 {kVisibility, kChoice, {0.1}},
                                                 {kVisibility, kChoice, {0.9, 0.5, 0.1}},
                                                 {kVisibility, AnswerLoss::kAnswer, {0.5}},
                                                 {kEmbedding, kChoice, {1.0}},
                                                 {kEmbedding, kChoice, {0.5}},
                                                 {kEmbedding, kChoice, {0.9, 0.6, 0.3}}};
  TorchEngine engine(subject.model, subject.levels, kEngineBatch, ThreadsOrAll(options.threads),
                     subject.adapters);
  const size_t step = std::max<size_t>(1, tasks.size() / std::max<size_t>(1, exact));
  std::vector<std::vector<double>> yardsticks;  // of every step-th task
  for (size_t i = 0; i < tasks.size(); i += step) {
    if (hooks.report) hooks.report("exact saliency", i, tasks.size(), "");
    const std::vector<float> words =
        ExactSaliency(subject.model, subject.reading, tasks[i], kChoice, kScoreBatch);
    yardsticks.emplace_back(words.begin(), words.end());
  }
  std::vector<SaliencyVariant> results;
  for (const SaliencyOptions& variant : variants) {
    if (hooks.throw_if_cancelled) hooks.throw_if_cancelled();
    if (hooks.report) hooks.report("saliency", results.size(), variants.size(), "");
    SaliencyVariant result{.options = variant};
    const auto start = std::chrono::steady_clock::now();
    const WordScoresOfTasks scores = WordSaliency(subject.model, subject.reading, tasks, variant);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    result.seconds_per_task = elapsed.count() / static_cast<double>(tasks.size());
    for (size_t i = 0; i < yardsticks.size(); ++i) {
      const std::vector<double> words(scores[i * step].begin(), scores[i * step].end());
      result.rank_correlation +=
          RankCorrelation(words, yardsticks[i]) / static_cast<double>(yardsticks.size());
    }
    result.right = MeanOf(AnswersWith(scores, keep, subject, engine, tasks)).value;
    results.push_back(std::move(result));
  }
  if (hooks.report) hooks.report("saliency", results.size(), results.size(), "");
  return results;
}

nlohmann::json SelectorsJson(std::span<const SelectorScore> scores, std::span<const Task> tasks) {
  const auto tiny_lm = std::find_if(scores.begin(), scores.end(), [](const SelectorScore& each) {
    return each.selector == WordSelector::kTinyLm;
  });
  nlohmann::json rows = nlohmann::json::array();
  for (const SelectorScore& score : scores) {
    nlohmann::json row = {{"selector", WordSelectorName(score.selector)}};
    row["mean"] = Json(FamilyMean(score.right, tasks, &row["families"]));
    std::vector<double> ahead(score.right.size());
    for (size_t i = 0; i < ahead.size(); ++i) ahead[i] = tiny_lm->right[i] - score.right[i];
    row["tiny_lm_ahead"] = Json(FamilyMean(ahead, tasks, nullptr));
    rows.push_back(std::move(row));
  }
  return rows;
}

nlohmann::json PoliciesJson(const PolicyScores& scores, DecisionKind decision) {
  const Policy head = decision == DecisionKind::kGrid ? Policy::kGrid : Policy::kClassifiers;
  nlohmann::json json = {{"questions", scores.questions}, {"head", PolicyName(head)}};
  for (const Policy policy : kPolicies) {
    if (scores.of(policy).empty()) continue;
    nlohmann::json row = {{"policy", PolicyName(policy)}};
    row["accuracy"] = Json(MeanOf(scores.of(policy)));
    if (!scores.of(head).empty()) {
      row["head_ahead"] = Json(PairedDifference(scores.of(head), scores.of(policy)));
    }
    json["policies"].push_back(std::move(row));
  }
  if (!scores.of(Policy::kOracle).empty() && !scores.of(head).empty()) {
    const double fixed = MeanOf(scores.of(Policy::kBestFixed)).value;
    const double oracle = MeanOf(scores.of(Policy::kOracle)).value;
    json["way_to_oracle"] = (MeanOf(scores.of(head)).value - fixed) / (oracle - fixed);
  }
  return json;
}

}  // namespace elm
