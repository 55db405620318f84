// The words of a context, and which of them belong together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/tlm/prompt_parts.h"
#include "runtime/tlm/tiny_lm.h"

namespace elm {

// A run without blanks (space, tab, line end, vertical tab, form feed), as SplitWords() of
// datasets/ says.
struct ContextWord {
  TextSpan span;        // of ContextWords::context
  uint32_t part = 0;    // index into the prompt's parts
  uint32_t unit = 0;    // ascending from 0 without gaps
  bool forced = false;  // alike for all words of a unit
};

// Words in their order, in units that are kept or dropped as a whole: mostly one word each; numbers
// in groups, code, quotations (FindTextUnits() says which) and forced texts are one unit of several
// words. A unit lies within one part.
struct ContextWords {
  std::string context;  // JoinContext() of the parts
  std::vector<ContextWord> words;
  uint32_t units = 0;
};

// `forced`: texts that matter whatever the tiny LM says; where one stands in the context, the words
// that it covers are one unit, and forced. Empty ones are ignored.
ContextWords FindContextWords(std::span<const PromptPart> parts,
                              std::span<const std::string> forced = {});

// Per word, the mean over the pieces that overlap it; 0 for a word that no piece touches, and for
// one whose mean is no number. `pieces` ascend.
std::vector<float> WordScores(const ContextWords& words, std::span<const PieceScore> pieces);

}  // namespace elm
