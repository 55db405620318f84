#include "runtime/tlm/keep_words.h"

#include <algorithm>
#include <string_view>

namespace elm {
namespace {

// A word of one part.
struct PartWord {
  uint32_t begin;  // bytes of the part's text
  uint32_t end;
  bool kept;
};

// Rebuilds one part line by line.
class PartRebuilder {
 public:
  PartRebuilder(std::string_view text, std::span<const PartWord> words)
      : text_(text), words_(words) {}

  std::string Rebuild() {
    size_t next = 0;
    for (size_t begin = 0; begin < text_.size();) {
      const size_t line_feed = text_.find('\n', begin);
      const size_t end = line_feed == std::string_view::npos ? text_.size() : line_feed + 1;
      const size_t first = next;
      while (next < words_.size() && words_[next].begin < end) ++next;
      Line(text_.substr(begin, end - begin), begin, words_.subspan(first, next - first));
      begin = end;
    }
    if (last_line_stays_) out_ += empty_lines_;
    if (!text_.ends_with('\n') && out_.ends_with('\n')) {
      out_.pop_back();
      if (out_.ends_with('\r')) out_.pop_back();
    }
    return std::move(out_);
  }

 private:
  // `line` begins at byte `begin` of the text and holds its line end.
  void Line(std::string_view line, size_t begin, std::span<const PartWord> words) {
    if (words.empty()) {
      empty_lines_ += line;
      return;
    }
    const auto is_kept = [](const PartWord& word) { return word.kept; };
    const auto count = std::count_if(words.begin(), words.end(), is_kept);
    if (last_line_stays_ && count > 0) out_ += empty_lines_;
    empty_lines_.clear();
    last_line_stays_ = count > 0;
    if (static_cast<size_t>(count) == words.size()) {
      out_ += line;
    } else if (count > 0) {
      out_ += line.substr(0, words.front().begin - begin);
      Words(words);
      if (line.ends_with("\r\n")) {
        out_ += "\r\n";
      } else if (line.ends_with('\n')) {
        out_ += '\n';
      }
    }
  }

  void Words(std::span<const PartWord> words) {
    const PartWord* last = nullptr;
    for (size_t i = 0; i < words.size(); ++i) {
      if (!words[i].kept) continue;
      if (last != nullptr) {
        const size_t gap = words[i - 1].end;
        const std::string_view blanks = text_.substr(gap, words[i].begin - gap);
        const bool tab = blanks.find('\t') != std::string_view::npos;
        if (last == &words[i - 1]) {
          out_ += blanks;
        } else {
          out_ += tab ? '\t' : ' ';
        }
      }
      out_ += text_.substr(words[i].begin, words[i].end - words[i].begin);
      last = &words[i];
    }
  }

  std::string_view text_;
  std::span<const PartWord> words_;
  std::string out_;
  std::string empty_lines_;      // since the last line with words
  bool last_line_stays_ = true;  // empty lines at the start belong to the first line
};

std::string RebuildPart(const std::string& text, std::span<const PartWord> words) {
  const auto is_kept = [](const PartWord& word) { return word.kept; };
  const auto kept = static_cast<size_t>(std::count_if(words.begin(), words.end(), is_kept));
  if (kept == words.size()) return text;
  if (kept == 0) return {};
  return PartRebuilder(text, words).Rebuild();
}

}  // namespace

std::vector<PromptPart> KeepWords(std::span<const PromptPart> parts, const ContextWords& words,
                                  std::span<const uint8_t> kept) {
  std::vector<PromptPart> shortened;
  shortened.reserve(parts.size());
  std::vector<PartWord> part_words;
  size_t next = 0;
  size_t base = 0;  // of the part's text in the context
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].role != PartRole::kContext) {
      shortened.push_back(parts[i]);
      continue;
    }
    part_words.clear();
    for (; next < words.words.size() && words.words[next].part == i; ++next) {
      const TextSpan span = words.words[next].span;
      part_words.push_back({static_cast<uint32_t>(span.begin - base),
                            static_cast<uint32_t>(span.end - base), kept[next] != 0});
    }
    shortened.push_back({parts[i].role, RebuildPart(parts[i].text, part_words)});
    base += parts[i].text.size() + 1;  // the line end between parts
  }
  return shortened;
}

}  // namespace elm
