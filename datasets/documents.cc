#include "datasets/documents.h"

#include <algorithm>

namespace elm {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsSeparator(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line == kDocumentSeparator;
}

void AppendUnlessBlank(std::string_view document, std::vector<std::string_view>& documents) {
  if (!std::all_of(document.begin(), document.end(), IsAsciiSpace)) documents.push_back(document);
}

}  // namespace

std::vector<std::string_view> SplitDocuments(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string_view> documents;
  size_t document_begin = 0;
  size_t line_begin = 0;
  while (line_begin < text.size()) {
    const size_t newline = text.find('\n', line_begin);
    const size_t line_end = newline == std::string_view::npos ? text.size() : newline;
    const size_t next_line = std::min(line_end + 1, text.size());
    if (IsSeparator(text.substr(line_begin, line_end - line_begin))) {
      AppendUnlessBlank(text.substr(document_begin, line_begin - document_begin), documents);
      document_begin = next_line;
    }
    line_begin = next_line;
  }
  AppendUnlessBlank(text.substr(document_begin), documents);
  return documents;
}

}  // namespace elm
