// UTF-8: where text is valid, and where it may be cut.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elm {

// One character of a text.
struct Utf8Character {
  char32_t code = 0;  // meaningless unless valid
  size_t size = 1;    // bytes
  bool valid = false;
};
// The one that begins at byte `offset`, which lies inside. Bytes that begin none are one by one
// invalid characters.
Utf8Character DecodeUtf8(std::string_view text, size_t offset);
// Appends a character up to U+10FFFF.
void AppendUtf8(char32_t code, std::string& text);

// The offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, at most U+10FFFF), or nothing when all of `text` is valid.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// The length of the longest prefix of `text` that does not end inside a character. Bytes that are
// invalid anyway are not waited for.
size_t CompleteUtf8Prefix(std::string_view text);

}  // namespace elm
