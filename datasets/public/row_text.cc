#include "datasets/public/row_text.h"

#include <algorithm>
#include <filesystem>

#include "formats/base/mapped_file.h"
#include "formats/base/printable.h"

namespace elm {
namespace {

constexpr uint64_t kMostSetBytes = uint64_t{1} << 30;

}  // namespace

Result<std::string> ReadSetFile(const std::string& path) { return ReadFile(path, kMostSetBytes); }

std::string FileBeside(const std::string& path, const std::string& name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

std::string LowerCase(std::string text) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::transform(text.begin(), text.end(), text.begin(), lower);
  return text;
}

Result<size_t> LetterIndex(std::string_view letter, size_t count, const std::string& where) {
  const size_t index = letter.size() == 1 ? static_cast<size_t>(letter[0] - 'A') : count;
  if (index < count) return index;
  return Corruption(where, ": answer is ", Printable(letter), ", expected a letter for one of ",
                    count, " options");
}

std::vector<std::string> SplitAtMarks(std::string_view text, std::string_view before, char first,
                                      std::string_view behind) {
  const auto mark = [&](char label) { return StrCat(before, label, behind); };
  std::vector<std::string> pieces;
  if (!text.starts_with(mark(first))) return pieces;
  for (char label = first; !text.empty(); ++label) {
    text.remove_prefix(mark(label).size());
    const size_t end = std::min(text.find(mark(static_cast<char>(label + 1))), text.size());
    pieces.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

std::vector<std::string> SplitTabs(std::string_view line) {
  std::vector<std::string> fields;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find('\t', begin), line.size());
    fields.emplace_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

Result<size_t> FindColumn(std::span<const std::string> header, std::string_view name,
                          const std::string& where) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  return Corruption(where, ": no column is called ", Printable(name),
                    "; the first line must name the columns, with tabs between");
}

}  // namespace elm
