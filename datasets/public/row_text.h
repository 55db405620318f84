// What the readers of public sets share: the file as text, and the pieces that rows are made of.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

// The contents of a set's file; all of them have a few megabytes.
Result<std::string> ReadSetFile(const std::string& path);

// The file `name` in the folder that `path` lies in.
std::string FileBeside(const std::string& path, const std::string& name);

// With the letters A to Z in lower case.
std::string LowerCase(std::string text);

// Index of the option that a letter names: "A" is 0. Fails at `where` when it is no capital letter
// or names none of `count` options.
Result<size_t> LetterIndex(std::string_view letter, size_t count, const std::string& where);

// Cuts `text` at "<before>1<behind>", "<before>2<behind>", ... or the same with letters from 'A',
// as `first` says: the texts behind each mark. Empty unless it begins with the first mark.
std::vector<std::string> SplitAtMarks(std::string_view text, std::string_view before, char first,
                                      std::string_view behind);

// The fields of a line between tabs.
std::vector<std::string> SplitTabs(std::string_view line);

// The index of the column called `name` in a header line, which stands at `where`.
Result<size_t> FindColumn(std::span<const std::string> header, std::string_view name,
                          const std::string& where);

}  // namespace elm
