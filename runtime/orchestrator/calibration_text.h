// Text to measure with: as long as wanted, the same on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/include/elm/elm.hpp"

namespace elm {

struct CalibrationText {
  std::string question;
  std::string text;
  std::vector<uint32_t> ids;   // of the text, exactly as many as asked for
  std::vector<uint32_t> ends;  // per id, where it ends in the text

  // What the first `tokens` ids stand for.
  std::string_view TextOf(uint32_t tokens) const {
    return std::string_view(text).substr(0, ends[tokens - 1]);
  }
};

// `words` common words in a fixed, irregular order, single spaces between them.
std::string MakeCalibrationWords(uint32_t words);

// At least one token.
CalibrationText MakeCalibrationText(const Tokenizer& tokenizer, uint32_t tokens);

}  // namespace elm
