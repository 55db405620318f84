// A context with words missing, and the lines and blanks around them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/tlm/context_words.h"

namespace elm {

// The same parts, their contexts with those words only for which kept[i] is not 0.
//
// Words that stood beside each other keep the blanks between them; where words are gone one blank
// is left, a tab where one stood before the next word. A line keeps its indentation and its line
// end while it keeps a word, and goes with its last one; empty lines stay between lines that both
// stay. A part of which everything is kept stays as it is, byte for byte; one of which nothing is
// kept becomes empty.
std::vector<PromptPart> KeepWords(std::span<const PromptPart> parts, const ContextWords& words,
                                  std::span<const uint8_t> kept);

}  // namespace elm
