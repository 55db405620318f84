#include "formats/base/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace elm {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() +
                          1);  // distances from the part of `a` so far to prefixes of `b`
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string Suggestion(std::string_view word, std::span<const std::string> candidates) {
  const std::string* closest = nullptr;
  // A third of the letters may be wrong: more is another word. Leading dashes are no letters.
  const size_t letters = word.size() - std::min(word.find_first_not_of('-'), word.size());
  size_t smallest = letters / 3 + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance > smallest || (distance == smallest && closest != nullptr)) continue;
    smallest = distance;
    closest = &candidate;
  }
  return closest == nullptr ? "" : "; did you mean " + *closest + "?";
}

}  // namespace elm
