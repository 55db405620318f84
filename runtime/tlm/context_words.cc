#include "runtime/tlm/context_words.h"

#include <algorithm>
#include <cmath>

#include "runtime/tlm/text_units.h"

namespace elm {
namespace {

std::vector<TextSpan> SplitIntoWords(std::string_view text) {
  std::vector<TextSpan> words;
  for (size_t begin = 0; begin < text.size();) {
    if (IsBlank(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < text.size() && !IsBlank(text[end])) ++end;
    words.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    begin = end;
  }
  return words;
}

// The words of one part, some of them tied to the next one.
class PartWords {
 public:
  explicit PartWords(std::string_view text)
      : words_(SplitIntoWords(text)), tied_(words_.size(), 0), forced_(words_.size(), 0) {}

  // The words that overlap `span` become one unit.
  void Tie(TextSpan span, bool force) {
    auto word = std::partition_point(words_.begin(), words_.end(),
                                     [&](const TextSpan& w) { return w.end <= span.begin; });
    for (; word != words_.end() && word->begin < span.end; ++word) {
      const auto i = static_cast<size_t>(word - words_.begin());
      if (force) forced_[i] = 1;
      if (i + 1 < words_.size() && words_[i + 1].begin < span.end) tied_[i] = 1;
    }
  }

  // Appends them, as bytes behind the first `base` ones of the context.
  void AppendTo(ContextWords& all, uint32_t part, uint32_t base) const {
    for (size_t begin = 0; begin < words_.size();) {
      size_t last = begin;
      while (tied_[last] != 0) ++last;
      const bool forced = std::any_of(forced_.begin() + static_cast<ptrdiff_t>(begin),
                                      forced_.begin() + static_cast<ptrdiff_t>(last) + 1,
                                      [](uint8_t flag) { return flag != 0; });
      for (size_t i = begin; i <= last; ++i) {
        const TextSpan span = {base + words_[i].begin, base + words_[i].end};
        all.words.push_back({span, part, all.units, forced});
      }
      ++all.units;
      begin = last + 1;
    }
  }

  std::span<const TextSpan> words() const { return words_; }

 private:
  std::vector<TextSpan> words_;
  std::vector<uint8_t> tied_;  // to the word behind; never the last one
  std::vector<uint8_t> forced_;
};

}  // namespace

ContextWords FindContextWords(std::span<const PromptPart> parts,
                              std::span<const std::string> forced) {
  ContextWords all;
  all.context = JoinContext(parts);
  size_t base = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].role != PartRole::kContext) continue;
    const std::string& text = parts[i].text;
    PartWords words(text);
    for (const TextSpan& span : FindTextUnits(text, words.words())) words.Tie(span, false);
    for (const std::string& phrase : forced) {
      for (const TextSpan& span : FindPhrase(text, phrase)) words.Tie(span, true);
    }
    words.AppendTo(all, static_cast<uint32_t>(i), static_cast<uint32_t>(base));
    base += text.size() + 1;  // the line end between parts
  }
  return all;
}

std::vector<float> WordScores(const ContextWords& words, std::span<const PieceScore> pieces) {
  std::vector<float> scores;
  scores.reserve(words.words.size());
  size_t first = 0;
  for (const ContextWord& word : words.words) {
    while (first < pieces.size() && pieces[first].span.end <= word.span.begin) ++first;
    double sum = 0;
    size_t count = 0;
    for (size_t i = first; i < pieces.size() && pieces[i].span.begin < word.span.end; ++i) {
      sum += pieces[i].retain;
      ++count;
    }
    const double mean = count == 0 ? 0 : sum / static_cast<double>(count);
    scores.push_back(std::isfinite(mean) ? static_cast<float>(mean) : 0);
  }
  return scores;
}

}  // namespace elm
