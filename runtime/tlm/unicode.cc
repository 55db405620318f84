#include "runtime/tlm/unicode.h"

#include <algorithm>

#include "runtime/tlm/unicode_tables.h"

namespace elm {
namespace {

// Hangul syllables are decomposed by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowel = 0x1161;
constexpr char32_t kTrailing = 0x11A7;  // the first is "none"
constexpr char32_t kVowels = 21;
constexpr char32_t kTrailings = 28;

size_t DecomposeHangul(char32_t code, char32_t (&folded)[3]) {
  const char32_t index = code - kHangulFirst;
  folded[0] = kLeading + index / (kVowels * kTrailings);
  folded[1] = kVowel + index / kTrailings % kVowels;
  folded[2] = kTrailing + index % kTrailings;
  return folded[2] == kTrailing ? 2 : 3;
}

// The last row whose first character is not behind `code`; null before the first.
template <typename Row, typename FirstOf>
const Row* LastNotBehind(std::span<const Row> table, char32_t code, const FirstOf& first_of) {
  const auto behind =
      std::upper_bound(table.begin(), table.end(), code,
                       [&](char32_t value, const auto& row) { return value < first_of(row); });
  return behind == table.begin() ? nullptr : &*std::prev(behind);
}

}  // namespace

uint8_t FlagsOfCharacter(char32_t code) {
  const uint32_t* run =
      LastNotBehind(CharacterRunTable(), code, [](uint32_t row) { return row >> 8; });
  return run == nullptr ? uint8_t{0} : static_cast<uint8_t>(*run);
}

size_t FoldCharacter(char32_t code, char32_t (&folded)[3]) {
  if (code >= kHangulFirst && code <= kHangulLast) return DecomposeHangul(code, folded);
  if (FlagsOfCharacter(code) & kMark) return 0;
  folded[0] = code;
  const FoldRun* run =
      LastNotBehind(FoldRunTable(), code, [](const FoldRun& row) { return uint32_t{row.first}; });
  if (run != nullptr) {
    const char32_t distance = code - run->first;
    const char32_t step = 1 + run->gap;
    if (distance % step == 0 && distance / step < run->count) {
      folded[0] = static_cast<char32_t>(static_cast<int32_t>(code) + run->distance);
      return 1;
    }
  }
  const FoldSeveral* several =
      LastNotBehind(FoldSeveralTable(), code, [](const FoldSeveral& row) { return row.code; });
  if (several == nullptr || several->code != code) return 1;
  std::copy(std::begin(several->folded), std::end(several->folded), folded);
  return folded[2] == 0 ? 2 : 3;
}

}  // namespace elm
