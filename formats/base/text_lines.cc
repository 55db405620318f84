#include "formats/base/text_lines.h"

#include <algorithm>
#include <optional>

#include "formats/base/utf8.h"

namespace elm {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<std::vector<TextLine>> SplitLines(std::string_view text, const std::string& name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<TextLine> lines;
  while (!text.empty()) {
    const size_t length = std::min(text.find('\n'), text.size());
    TextLine line{lines.size() + 1, text.substr(0, length)};
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    if (const std::optional<size_t> invalid = FindInvalidUtf8(line.text)) {
      return Corruption(name, ":", line.number, ": not UTF-8 at byte ", *invalid,
                        " of the line; convert the file to UTF-8 first (iconv can)");
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace elm
