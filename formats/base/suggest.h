// "Did you mean ...?"
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace elm {

// Fewest insertions, deletions and replacements of one character that turn `a` into `b`.
size_t EditDistance(std::string_view a, std::string_view b);

// "; did you mean <closest>?", or nothing when no candidate is near.
std::string Suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace elm
