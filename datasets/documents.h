// A plain text as documents.
#pragma once

#include <string_view>
#include <vector>

namespace elm {

// A line that consists of this alone ends a document.
inline constexpr std::string_view kDocumentSeparator = "<|endoftext|>";

// The documents of `text` in order, as views into it, separator lines and a leading byte order mark
// left out; documents of nothing but white space are dropped. Lines end in "\n" or "\r\n".
std::vector<std::string_view> SplitDocuments(std::string_view text);

// True for blank, tab, carriage return, newline, vertical tab and form feed.
constexpr bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace elm
