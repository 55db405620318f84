#include "runtime/tlm/compress.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "runtime/tlm/keep_words.h"

namespace elm {
namespace {

// How many more tokens than it has a unit may seem to have: a factor for a tokenizer that rewrites
// text, and a number for blanks that go with the words around them. One that must have more than
// there is room for is passed over unseen.
constexpr size_t kMisjudgedTimes = 2;
constexpr size_t kMisjudgedBlanks = 16;

double Fraction(size_t part, size_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

// Every unit's share of the context's tokens: those that end in its words or in the blanks before
// them; at least one.
std::vector<uint32_t> EstimateUnitCosts(const ContextWords& words, const TokenCounter& counter) {
  std::vector<uint32_t> costs(words.units, 0);
  const std::vector<uint32_t> ends = counter.TokenEnds(words.context);
  size_t next = 0;
  for (const ContextWord& word : words.words) {
    for (; next < ends.size() && ends[next] <= word.span.end; ++next) ++costs[word.unit];
  }
  for (uint32_t& cost : costs) cost = std::max(cost, 1U);
  return costs;
}

// Mean score of every unit's words; forced ones above all others.
std::vector<float> UnitScores(const ContextWords& words, std::span<const float> scores) {
  std::vector<float> unit_scores(words.units, 0);
  for (size_t begin = 0; begin < words.words.size();) {
    const ContextWord& first = words.words[begin];
    double sum = 0;
    size_t end = begin;
    for (; end < words.words.size() && words.words[end].unit == first.unit; ++end) {
      if (std::isfinite(scores[end])) sum += scores[end];
    }
    unit_scores[first.unit] = first.forced
                                  ? std::numeric_limits<float>::infinity()
                                  : static_cast<float>(sum / static_cast<double>(end - begin));
    begin = end;
  }
  return unit_scores;
}

// Units in the order in which they are taken, sorted only as far as somebody asks.
class UnitRanking {
 public:
  UnitRanking(std::span<const uint32_t> costs, std::vector<float> scores, size_t most_cost)
      : costs_(costs), scores_(std::move(scores)) {
    for (uint32_t unit = 0; unit < costs.size(); ++unit) {
      if (costs[unit] <= most_cost) order_.push_back(unit);
    }
  }

  size_t size() const { return order_.size(); }
  std::span<const uint32_t> best(size_t count) const { return {order_.data(), count}; }

  // The units that were asked for last are in place: puts the next best ones behind `from` as far
  // as `to`, where `until` was put in place before.
  void Settle(size_t from, size_t to, size_t until) {
    if (to >= until) return;
    std::nth_element(At(from), At(to), At(until), [this](uint32_t a, uint32_t b) {
      return scores_[a] > scores_[b] || (scores_[a] == scores_[b] && a < b);
    });
  }

  // The largest count in [from, until] whose units behind the first `from` cost at most `room`
  // together; weighted quickselect.
  size_t Fill(size_t from, size_t until, double room) {
    size_t begin = from;
    size_t end = until;
    while (begin < end) {
      const size_t middle = begin + (end - begin) / 2;
      Settle(begin, middle, end);
      const double cost = Cost(begin, middle + 1);
      if (cost <= room) {
        room -= cost;
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  void Remove(size_t rank) { order_.erase(At(rank)); }

  double Cost(size_t from, size_t to) const {
    double sum = 0;
    for (size_t i = from; i < to; ++i) sum += costs_[order_[i]];
    return sum;
  }

 private:
  std::vector<uint32_t>::iterator At(size_t i) {
    return order_.begin() + static_cast<ptrdiff_t>(i);
  }

  std::span<const uint32_t> costs_;
  std::vector<float> scores_;
  std::vector<uint32_t> order_;
};

std::vector<uint8_t> KeptWords(const ContextWords& words, std::span<const uint32_t> units) {
  std::vector<uint8_t> unit_kept(words.units, 0);
  for (const uint32_t unit : units) unit_kept[unit] = 1;
  std::vector<uint8_t> kept;
  kept.reserve(words.words.size());
  for (const ContextWord& word : words.words) kept.push_back(unit_kept[word.unit]);
  return kept;
}

}  // namespace

size_t PromptBudget(uint32_t permille, size_t tokens) {
  return static_cast<size_t>(uint64_t{permille} * tokens / 1000);
}

double Compressed::prompt_fraction() const { return Fraction(tokens, full_tokens); }

double Compressed::context_fraction() const {
  // A context of nothing but blanks may cost no token, and the border between two parts may shift
  // one.
  const size_t all = full_tokens - std::min(full_tokens, protected_tokens);
  return std::min(1.0, Fraction(tokens - std::min(tokens, protected_tokens), all));
}

Compressor::Compressor(const PromptTemplate& prompt, std::span<const PromptPart> parts,
                       const ContextWords& words, const TokenCounter& counter, size_t full_tokens)
    : prompt_(prompt), parts_(parts), words_(words), counter_(counter), full_tokens_(full_tokens) {
  const std::vector<uint8_t> none(words.words.size(), 0);
  const bool has_words = !words.words.empty();
  protected_tokens_ =
      has_words ? counter.Count(RenderPrompt(prompt, KeepWords(parts, words, none))) : full_tokens_;
  if (has_words) unit_costs_ = EstimateUnitCosts(words, counter);
}

Compressed Compressor::Keep(std::vector<uint8_t> kept) const {
  Compressed result;
  result.parts = KeepWords(parts_, words_, kept);
  result.prompt = RenderPrompt(prompt_, result.parts);
  result.kept = std::move(kept);
  result.full_tokens = full_tokens_;
  result.protected_tokens = protected_tokens_;
  return result;
}

Compressed Compressor::Shorten(std::span<const float> scores, size_t budget_tokens) const {
  if (full_tokens_ <= budget_tokens || words_.words.empty()) {
    Compressed whole = Keep(std::vector<uint8_t>(words_.words.size(), 1));
    whole.tokens = full_tokens_;
    whole.protected_exceed = full_tokens_ > budget_tokens;
    return whole;
  }
  Compressed best = Keep(std::vector<uint8_t>(words_.words.size(), 0));
  best.tokens = protected_tokens_;
  best.protected_exceed = protected_tokens_ > budget_tokens;
  if (best.protected_exceed) return best;

  // The first `fits` units are within the budget, the first `breaks` ones are not.
  const size_t room = budget_tokens - protected_tokens_;
  UnitRanking ranking(unit_costs_, UnitScores(words_, scores),
                      kMisjudgedTimes * room + kMisjudgedBlanks);
  size_t fits = 0;
  size_t breaks = ranking.size() + 1;
  double scale = 1;  // estimated tokens per real one
  uint32_t counts = 0;
  while (breaks - fits > 1 && counts < kMostCounts) {
    const size_t until = std::min(breaks, ranking.size());
    const double left = static_cast<double>(budget_tokens - best.tokens) * scale;
    // Every fourth time the middle, so that odd estimates cannot make it creep.
    const size_t wanted =
        counts % 4 == 3 ? fits + (breaks - fits) / 2 : ranking.Fill(fits, until, left);
    const size_t count = std::clamp(wanted, fits + 1, breaks - 1);
    ranking.Settle(fits, count, until);
    Compressed next = Keep(KeptWords(words_, ranking.best(count)));
    next.tokens = counter_.Count(next.prompt);
    ++counts;
    if (next.tokens <= budget_tokens) {
      best = std::move(next);
      fits = count;
      continue;
    }
    breaks = count;
    const size_t over = next.tokens - best.tokens;
    scale = std::clamp(ranking.Cost(fits, count) / static_cast<double>(over), 0.1, 1.0);
    if (breaks - fits == 1 && over > room) {
      ranking.Remove(fits);
      breaks = ranking.size() + 1;
      scale = 1;
    }
  }
  best.counts = counts;
  return best;
}

}  // namespace elm
