// What WordPiece must know about characters: BERT's rules over the Unicode database.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elm {

// Bits; a character has any number of them.
enum CharacterFlags : uint8_t {
  kRemoved = 1U << 0,        // control, format, private, unassigned; U+FFFD
  kBlank = 1U << 1,          // between words
  kPunctuation = 1U << 2,    // a word of its own; with ASCII's symbols
  kMark = 1U << 3,           // an accent or the like, written over another character
  kCased = 1U << 4,          // letters that are upper or lower case
  kCaseIgnorable = 1U << 5,  // where one looks for neighbouring letters
  kIdeograph = 1U << 6,      // a word of its own
};

uint8_t FlagsOfCharacter(char32_t code);

// Lower case without accents: the full canonical decomposition of the lower-case character, marks
// left out. A capital sigma becomes the one inside a word. Returns how many characters it becomes,
// at most 3; a mark becomes none.
size_t FoldCharacter(char32_t code, char32_t (&folded)[3]);

}  // namespace elm
