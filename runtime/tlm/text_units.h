// Stretches of a text that make sense only as a whole.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "runtime/tlm/wordpiece.h"

namespace elm {

// What stands between words: space, tab, line feed, vertical tab, form feed, carriage return.
constexpr bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Spans of several words that belong together, in no particular order; they may overlap. `words`
// are the text's words, ascending. Found are
//
//   numbers     "1 000 000"; with a sign or a currency of their own: "5 %", "$ 5"
//   code        between runs of backticks as long as each other, on one line; in a block fenced
//               with ``` or ~~~ every line
//   quotations  between "", “”, „“, «» or 「」 on one line
//
// Code and quotations longer than kLongestSpan bytes are taken for prose: a span that fits no
// budget would be lost as a whole.
std::vector<TextSpan> FindTextUnits(std::string_view text, std::span<const TextSpan> words);

inline constexpr size_t kLongestSpan = 512;

// Where `phrase` stands in `text` on its own, not as a part of a longer word.
std::vector<TextSpan> FindPhrase(std::string_view text, std::string_view phrase);

}  // namespace elm
