#include "datasets/word_dropping.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "datasets/pocket/random.h"
#include "datasets/task.h"

namespace elm {
namespace {

using pocket::Random;

// The words of all parts, in order.
struct Words {
  std::vector<std::string_view> texts;
  std::vector<size_t> part_ends;  // per part, the index behind its last word
};

Words Split(const std::vector<std::string>& parts) {
  Words words;
  for (const std::string& part : parts) {
    const std::vector<std::string_view> found = SplitWords(part);
    words.texts.insert(words.texts.end(), found.begin(), found.end());
    words.part_ends.push_back(words.texts.size());
  }
  return words;
}

std::vector<std::string> Join(const Words& words, const std::vector<bool>& kept) {
  std::vector<std::string> parts;
  size_t word = 0;
  for (const size_t end : words.part_ends) {
    std::string text;
    for (; word < end; ++word) {
      if (!kept[word]) continue;
      if (!text.empty()) text += ' ';
      text += words.texts[word];
    }
    parts.push_back(std::move(text));
  }
  return parts;
}

size_t CountToKeep(double keep_fraction, size_t words) {
  const double wanted = std::clamp(keep_fraction, 0.0, 1.0) * static_cast<double>(words);
  return static_cast<size_t>(std::llround(wanted));
}

// Drops candidates at random until `keep` of all words are left or no candidate is.
std::vector<bool> DropCandidates(std::vector<size_t> candidates, size_t words, size_t keep,
                                 uint64_t seed) {
  std::vector<bool> kept(words, true);
  Random random(seed);
  random.Shuffle(candidates);
  const size_t drop = std::min(candidates.size(), words - keep);
  for (size_t i = 0; i < drop; ++i) kept[candidates[i]] = false;
  return kept;
}

// Per word of all parts, whether an answer depends on it.
std::vector<bool> NeededWords(const Words& words,
                              const std::vector<std::vector<uint32_t>>& needed_words) {
  std::vector<bool> needed(words.texts.size(), false);
  size_t begin = 0;
  for (size_t part = 0; part < words.part_ends.size() && part < needed_words.size(); ++part) {
    for (const uint32_t word : needed_words[part]) {
      if (begin + word < words.part_ends[part]) needed[begin + word] = true;
    }
    begin = words.part_ends[part];
  }
  return needed;
}

}  // namespace

std::vector<std::string> DropEachWord(const std::vector<std::string>& parts, double keep_rate,
                                      uint64_t seed) {
  const Words words = Split(parts);
  Random random(seed);
  std::vector<bool> kept;
  for (size_t i = 0; i < words.texts.size(); ++i) kept.push_back(random.Chance(keep_rate));
  return Join(words, kept);
}

std::vector<std::string> DropWordsAtRandom(const std::vector<std::string>& parts,
                                           double keep_fraction, uint64_t seed) {
  return DropUnneededWords(parts, {}, keep_fraction, seed);
}

std::vector<std::string> DropUnneededWords(const std::vector<std::string>& parts,
                                           const std::vector<std::vector<uint32_t>>& needed_words,
                                           double keep_fraction, uint64_t seed) {
  const Words words = Split(parts);
  const std::vector<bool> needed = NeededWords(words, needed_words);
  std::vector<size_t> candidates;
  for (size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) candidates.push_back(i);
  }
  return Join(words, DropCandidates(std::move(candidates), words.texts.size(),
                                    CountToKeep(keep_fraction, words.texts.size()), seed));
}

}  // namespace elm
