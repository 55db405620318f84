// Tokenizers for tests of compression, with no model behind them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/tlm/compress.h"
#include "runtime/tlm/text_units.h"

namespace elm::testing {

// One token in front; then pieces of at most `longest` bytes, none of which holds the end of a word
// and something behind it: blanks belong to the word behind them, as in SentencePiece.
class PieceCounter : public TokenCounter {
 public:
  explicit PieceCounter(size_t longest = 4) : longest_(longest) {}

  size_t Count(std::string_view prompt) const override {
    return 1 + PieceCounter::TokenEnds(prompt).size();
  }

  std::vector<uint32_t> TokenEnds(std::string_view text) const override {
    std::vector<uint32_t> ends;
    size_t begin = 0;
    for (size_t i = 1; i <= text.size(); ++i) {
      const bool word_ends = i < text.size() && IsBlank(text[i]) && !IsBlank(text[i - 1]);
      if (i < text.size() && !word_ends && i - begin < longest_) continue;
      ends.push_back(static_cast<uint32_t>(i));
      begin = i;
    }
    return ends;
  }

 private:
  size_t longest_;
};

// Counts as PieceCounter does and is wrong about where tokens end.
class MisleadingCounter : public PieceCounter {
 public:
  // `factor`: how many tokens too many (or too few) it sees.
  explicit MisleadingCounter(double factor) : factor_(factor) {}

  std::vector<uint32_t> TokenEnds(std::string_view text) const override {
    const std::vector<uint32_t> right = PieceCounter::TokenEnds(text);
    std::vector<uint32_t> ends;
    const auto count = static_cast<size_t>(factor_ * static_cast<double>(right.size()));
    for (size_t i = 0; i < count; ++i) {
      ends.push_back(static_cast<uint32_t>(text.size() * (i + 1) / count));
    }
    return ends;
  }

 private:
  double factor_;
};

}  // namespace elm::testing
