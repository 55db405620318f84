// Contexts with words missing, by rules that know nothing about any compressor: what training shows
// a model so that it can read shortened prompts, and the baseline that compressors are measured
// against.
//
// Words are what SplitWords() says. Kept words stay in their order, separated by single blanks; a
// part that loses all its words becomes empty and keeps its place. All functions are pure: equal
// arguments give equal results on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace elm {

// Drops every word with a probability of 1 - keep_rate, whatever happens to the others.
std::vector<std::string> DropEachWord(const std::vector<std::string>& parts, double keep_rate,
                                      uint64_t seed);

// Keeps exactly round(keep_fraction * words) of the words of all parts together, any equally
// likely.
std::vector<std::string> DropWordsAtRandom(const std::vector<std::string>& parts,
                                           double keep_fraction, uint64_t seed);

// The same, but drops only words that `needed_words` (as in Task; empty: none) does not name: more
// than keep_fraction stay when more are needed.
std::vector<std::string> DropUnneededWords(const std::vector<std::string>& parts,
                                           const std::vector<std::vector<uint32_t>>& needed_words,
                                           double keep_fraction, uint64_t seed);

}  // namespace elm
