#include "formats/base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace elm {
namespace {

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Bytes in the character that `lead` starts, 0 for a byte that starts none.
size_t SequenceLength(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

bool SecondByteFits(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0;  // no overlong forms
    case 0xED:
      return second <= 0x9F;  // no surrogates
    case 0xF0:
      return second >= 0x90;  // no overlong forms
    case 0xF4:
      return second <= 0x8F;  // at most U+10FFFF
    default:
      return true;
  }
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = SequenceLength(lead);
    if (length == 0 || length > text.size() - i) return i;
    for (size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (!IsContinuation(byte) || (k == 1 && !SecondByteFits(lead, byte))) return i;
    }
    i += length;
  }
  return std::nullopt;
}

size_t CompleteUtf8Prefix(std::string_view text) {
  // Only the last three bytes can begin a character that is still incomplete.
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (IsContinuation(byte)) continue;
    return SequenceLength(byte) > back ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace elm
