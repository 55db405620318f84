// How good a tiny LM is: what is left of the answers when it shortens contexts, beside other ways
// to choose words, and what its decisions are worth, beside other policies.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "toolchain/eval/statistics.h"
#include "toolchain/tlm/tlm_job.h"

namespace elm {

// Ways to choose which words of a context stay.
enum class WordSelector {
  kAll,       // nothing is dropped
  kTinyLm,    // the score-head
  kRandom,    // any words
  kSurprise,  // the LLM's own surprise at each word (Selective-Context)
  kSaliency,  // the LLM's saliency, which knows the answer: an upper bound for the score-head
  kNeeded,    // words that the task marks as needed first: an upper bound for all
};
inline constexpr WordSelector kWordSelectors[] = {WordSelector::kAll,      WordSelector::kTinyLm,
                                                  WordSelector::kRandom,   WordSelector::kSurprise,
                                                  WordSelector::kSaliency, WordSelector::kNeeded};
const char* WordSelectorName(WordSelector selector);

struct SelectorScore {
  WordSelector selector;
  std::vector<double> right;  // [tasks] 0 or 1
};

// Answers at the full level with round(keep * words) words of each context left.
std::vector<SelectorScore> CompareSelectors(const TlmSubject& subject, const TlmOptions& options,
                                            const StoredTlm& tlm, std::span<const Task> tasks,
                                            double keep, const TlmHooks& hooks);

// One way to measure saliency, beside the exact one.
struct SaliencyVariant {
  SaliencyOptions options;
  double seconds_per_task = 0;
  double rank_correlation = 0;  // with ExactSaliency(), mean over the sample
  double right = 0;             // answers at the full level with the best words by it left
};

// The known variants on `tasks`, by their rank correlation with the exact saliency of every
// (tasks / exact)th task, and by what is left of the answers when contexts are shortened by them.
std::vector<SaliencyVariant> CompareSaliency(const TlmSubject& subject, const TlmOptions& options,
                                             std::span<const Task> tasks, size_t exact, double keep,
                                             const TlmHooks& hooks);
std::string SaliencyName(const SaliencyOptions& options);  // "visibility, choice, 0.5"

// Tables as JSON: per selector accuracy by family, mean, and paired differences from the tiny LM.
nlohmann::json SelectorsJson(std::span<const SelectorScore> scores, std::span<const Task> tasks);

// Per policy accuracy and the paired difference of the head in use from it, how far of the way from
// the best fixed policy to the oracle it comes, and the SLOs.
nlohmann::json PoliciesJson(const PolicyScores& scores, DecisionKind decision);

}  // namespace elm
