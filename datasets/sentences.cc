#include "datasets/sentences.h"

#include <algorithm>

#include "datasets/documents.h"

namespace elm {
namespace {

constexpr std::string_view kAbbreviations[] = {
    "Mr",  "Mrs", "Ms", "Dr",   "Prof", "St", "Gen", "Col", "Lt",  "Rev", "Jr", "Sr",
    "Inc", "Ltd", "Co", "Corp", "No",   "vs", "etc", "e.g", "i.e", "cf",  "ca", "Fig"};
constexpr std::string_view kClosing[] = {"\"", "'", ")", "]", "\u201d", "\u2019"};

bool IsEndMark(char c) { return c == '.' || c == '!' || c == '?'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

size_t SkipClosing(std::string_view text, size_t position) {
  for (bool closed = true; closed;) {
    closed = false;
    for (const std::string_view mark : kClosing) {
      if (!text.substr(position).starts_with(mark)) continue;
      position += mark.size();
      closed = true;
    }
  }
  return position;
}

// The "." at `dot` belongs to the word in front of it.
bool IsAbbreviation(std::string_view text, size_t dot) {
  size_t begin = dot;
  while (begin > 0 && !IsAsciiSpace(text[begin - 1]) && text[begin - 1] != '(') --begin;
  const std::string_view word = text.substr(begin, dot - begin);
  const bool initials = word.size() == 1 || (word.size() > 1 && word[word.size() - 2] == '.');
  return initials || std::find(std::begin(kAbbreviations), std::end(kAbbreviations), word) !=
                         std::end(kAbbreviations);
}

// Whether the end marks before `end` (which is behind them and what closes there) end a sentence.
bool EndsSentence(std::string_view text, size_t mark, size_t end) {
  if (end < text.size() && !IsAsciiSpace(text[end])) return false;
  size_t next = end;
  while (next < text.size() && IsAsciiSpace(text[next])) ++next;
  if (next < text.size() && IsLower(text[next])) return false;
  return text[mark] != '.' || next == text.size() || !IsAbbreviation(text, mark);
}

// Where the sentence that begins at `begin` ends.
size_t SentenceEnd(std::string_view text, size_t begin) {
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\n') return i;
    if (!IsEndMark(text[i])) continue;
    const size_t first_mark = i;
    while (i + 1 < text.size() && IsEndMark(text[i + 1])) ++i;
    const size_t end = SkipClosing(text, i + 1);
    if (EndsSentence(text, first_mark, end)) return end;
  }
  return text.size();
}

std::string_view TrimEnd(std::string_view text) {
  while (!text.empty() && IsAsciiSpace(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string_view> SplitSentences(std::string_view text) {
  std::vector<std::string_view> sentences;
  for (size_t begin = 0; begin < text.size();) {
    if (IsAsciiSpace(text[begin])) {
      ++begin;
      continue;
    }
    const size_t end = SentenceEnd(text, begin);
    sentences.push_back(TrimEnd(text.substr(begin, end - begin)));
    begin = end;
  }
  return sentences;
}

}  // namespace elm
