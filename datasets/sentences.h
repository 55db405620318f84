// Running text as sentences, where a paragraph must become the parts of a context.
#pragma once

#include <string_view>
#include <vector>

namespace elm {

// The sentences of `text` in order, as views into it without white space around them. A sentence
// ends at a line end, or at ".", "!" or "?" (with quotes and brackets that close there) where white
// space and then no lower-case letter follows; a "." behind a single letter or a common English
// abbreviation ("Dr.", "e.g.") ends none. A heuristic: joined by blanks, the sentences are the
// text.
std::vector<std::string_view> SplitSentences(std::string_view text);

}  // namespace elm
