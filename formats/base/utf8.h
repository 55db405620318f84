// UTF-8: where text is valid, and where it may be cut.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace elm {

// The offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, at most U+10FFFF), or nothing when all of `text` is valid.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// The length of the longest prefix of `text` that does not end inside a character. Bytes that are
// invalid anyway are not waited for.
size_t CompleteUtf8Prefix(std::string_view text);

}  // namespace elm
