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

// Bytes in the character at `offset`, 0 when it is not well-formed.
size_t ValidLength(std::string_view text, size_t offset) {
  const auto lead = static_cast<unsigned char>(text[offset]);
  const size_t length = SequenceLength(lead);
  if (length == 0 || length > text.size() - offset) return 0;
  for (size_t k = 1; k < length; ++k) {
    const auto byte = static_cast<unsigned char>(text[offset + k]);
    if (!IsContinuation(byte) || (k == 1 && !SecondByteFits(lead, byte))) return 0;
  }
  return length;
}

}  // namespace

Utf8Character DecodeUtf8(std::string_view text, size_t offset) {
  const size_t length = ValidLength(text, offset);
  if (length == 0) return {};
  // A lead byte of n bytes carries 7 - n bits, a single one 7; each following byte six.
  const auto lead = static_cast<unsigned char>(text[offset]);
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (size_t k = 1; k < length; ++k) {
    code = (code << 6) | (static_cast<unsigned char>(text[offset + k]) & 0x3FU);
  }
  return {code, length, true};
}

void AppendUtf8(char32_t code, std::string& text) {
  const auto add = [&text](char32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | (code >> 6));
  } else if (code < 0x10000) {
    add(0xE0 | (code >> 12));
    add(0x80 | ((code >> 6) & 0x3F));
  } else {
    add(0xF0 | (code >> 18));
    add(0x80 | ((code >> 12) & 0x3F));
    add(0x80 | ((code >> 6) & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const size_t length = ValidLength(text, i);
    if (length == 0) return i;
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
