// "Did you mean": the nearest of a list of names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elm {

// The candidate with the smallest Levenshtein distance to `text`, or an empty string when none is near
// enough to be a slip of the fingers (a third of its length, at least two edits). The first on a tie.
std::string Suggest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace elm
