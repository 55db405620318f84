#include "runtime/tlm/text_units.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace elm {
namespace {

constexpr size_t kLongestBacktickRun = 8;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// A character that words are made of; of other scripts all are taken for such.
bool IsWordByte(char c) {
  return IsDigit(c) || IsLetter(c) || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

TextSpan Span(size_t begin, size_t end) {
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

// --- numbers ---------------------------------------------------------------------------------

constexpr std::string_view kSignsBehind[] = {"%",      "\u2030", "\u20ac",  "$",      "\u00a3",
                                             "\u00a5", "\u00b0", "\u00b0C", "\u00b0F"};
constexpr std::string_view kSignsBefore[] = {"$", "\u20ac", "\u00a3", "\u00a5", "#", "\u2116"};

std::string_view WithoutTrailingPunctuation(std::string_view word) {
  while (!word.empty() &&
         std::string_view(".,;:!?)]").find(word.back()) != std::string_view::npos) {
    word.remove_suffix(1);
  }
  return word;
}

size_t LeadingDigits(std::string_view word) {
  const auto end = std::find_if_not(word.begin(), word.end(), IsDigit);
  return static_cast<size_t>(end - word.begin());
}

// "1", "-12" or "$123": what a number in groups of three may begin with.
bool BeginsGroups(std::string_view word) {
  for (const std::string_view sign : kSignsBefore) {
    if (word.starts_with(sign)) word.remove_prefix(sign.size());
  }
  while (!word.empty() && std::string_view("+-(").find(word.front()) != std::string_view::npos) {
    word.remove_prefix(1);
  }
  return !word.empty() && word.size() <= 3 && LeadingDigits(word) == word.size();
}

// "000" and "000,50).": a further group; what follows the digits is neither digit nor letter.
bool ContinuesGroups(std::string_view word) {
  return LeadingDigits(word) == 3 && std::none_of(word.begin() + 3, word.end(), IsLetter);
}

template <size_t kCount>
bool IsOneOf(std::string_view word, const std::string_view (&signs)[kCount]) {
  return std::find(std::begin(signs), std::end(signs), word) != std::end(signs);
}

void FindNumbers(std::string_view text, std::span<const TextSpan> words,
                 std::vector<TextSpan>& found) {
  const auto word = [&](size_t i) {
    return text.substr(words[i].begin, words[i].end - words[i].begin);
  };
  bool in_groups = false;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool one_space = words[i + 1].begin == words[i].end + 1 && text[words[i].end] == ' ';
    const std::string_view left = word(i);
    const std::string_view right = word(i + 1);
    in_groups = one_space && ContinuesGroups(right) &&
                (BeginsGroups(left) || (in_groups && left.size() == 3));
    const bool sign_behind = one_space && IsDigit(left.back()) &&
                             IsOneOf(WithoutTrailingPunctuation(right), kSignsBehind);
    const bool sign_before = one_space && IsDigit(right.front()) && IsOneOf(left, kSignsBefore);
    if (in_groups || sign_behind || sign_before)
      found.push_back({words[i].begin, words[i + 1].end});
  }
}

// --- code and quotations -----------------------------------------------------------------------

struct Quotes {
  std::string_view open;
  std::array<std::string_view, 2> close;  // either ends it
};

constexpr Quotes kQuotes[] = {
    {"\"", {"\"", "\""}},
    {"\u201c", {"\u201d", "\u201d"}},  // “ ”
    {"\u201e", {"\u201c", "\u201d"}},  // „ “ and „ ”
    {"\u00ab", {"\u00bb", "\u00bb"}},  // « »
    {"\u300c", {"\u300d", "\u300d"}},  // 「 」
};

class LineScanner {
 public:
  LineScanner(std::string_view text, std::vector<TextSpan>& found) : text_(text), found_(found) {}

  void Scan(size_t begin, size_t end) {
    begin_ = begin;
    end_ = end;
    for (size_t i = begin; i < end;) i = text_[i] == '`' ? Code(i) : Quotation(i);
  }

 private:
  size_t RunOfBackticks(size_t i) const {
    size_t length = 0;
    while (i + length < end_ && text_[i + length] == '`') ++length;
    return length;
  }

  // Where to go on: behind the code that begins at `i`, or behind its backticks when nothing ends
  // it.
  size_t Code(size_t i) {
    const size_t run = RunOfBackticks(i);
    if (run > kLongestBacktickRun) return i + run;
    const size_t limit = std::min(end_, i + kLongestSpan);
    for (size_t k = i + run; k < limit;) {
      if (text_[k] != '`') {
        ++k;
        continue;
      }
      const size_t closing = RunOfBackticks(k);
      if (closing == run) {
        found_.push_back(Span(i, k + closing));
        return k + closing;
      }
      k += closing;
    }
    return i + run;
  }

  size_t Quotation(size_t i) {
    const std::string_view rest = text_.substr(i, std::min(end_ - i, kLongestSpan));
    for (const Quotes& quotes : kQuotes) {
      if (!rest.starts_with(quotes.open)) continue;
      const size_t inside = quotes.open.size();
      if (quotes.open == "\"" && !MayOpen(i)) break;
      const size_t close =
          std::min(rest.find(quotes.close[0], inside), rest.find(quotes.close[1], inside));
      if (close == std::string_view::npos) break;
      const size_t length = close + quotes.close[0].size();
      found_.push_back(Span(i, i + length));
      return i + length;
    }
    return i + 1;
  }

  // A straight quote looks the same at both ends: one behind a word or before a blank (5" wide)
  // opens nothing.
  bool MayOpen(size_t i) const {
    const bool behind_word = i > begin_ && IsWordByte(text_[i - 1]);
    return !behind_word && i + 1 < end_ && !IsBlank(text_[i + 1]);
  }

  std::string_view text_;
  std::vector<TextSpan>& found_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// '`' or '~' of a line that opens or closes a block of code, as in Markdown; 0 of any other. Code
// between backticks within one line is no block.
char FenceOf(std::string_view line) {
  while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
  if (line.starts_with("~~~")) return '~';
  if (!line.starts_with("```")) return 0;
  const size_t behind = line.find_first_not_of('`');
  return line.find('`', behind) == std::string_view::npos ? '`' : 0;
}

void FindCodeAndQuotations(std::string_view text, std::vector<TextSpan>& found) {
  LineScanner scanner(text, found);
  char fenced = 0;  // by which character
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const char fence = FenceOf(text.substr(begin, end - begin));
    const bool opens = fence != 0 && fenced == 0;
    const bool closes = fence != 0 && fence == fenced;
    if (opens) fenced = fence;
    if (closes) fenced = 0;
    if (!closes && fenced == 0) {
      scanner.Scan(begin, end);
    } else if (end - begin <= kLongestSpan) {
      found.push_back(Span(begin, end));
    }
    begin = end + 1;
  }
}

}  // namespace

std::vector<TextSpan> FindTextUnits(std::string_view text, std::span<const TextSpan> words) {
  std::vector<TextSpan> found;
  FindNumbers(text, words, found);
  FindCodeAndQuotations(text, found);
  return found;
}

std::vector<TextSpan> FindPhrase(std::string_view text, std::string_view phrase) {
  std::vector<TextSpan> found;
  if (phrase.empty()) return found;
  const bool word_begins = IsWordByte(phrase.front());
  const bool word_ends = IsWordByte(phrase.back());
  for (size_t i = text.find(phrase); i != std::string_view::npos;) {
    const size_t end = i + phrase.size();
    const bool inside = (word_begins && i > 0 && IsWordByte(text[i - 1])) ||
                        (word_ends && end < text.size() && IsWordByte(text[end]));
    if (!inside) found.push_back(Span(i, end));
    i = text.find(phrase, inside ? i + 1 : end);
  }
  return found;
}

}  // namespace elm
