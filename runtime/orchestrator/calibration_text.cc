#include "runtime/orchestrator/calibration_text.h"

#include <iterator>

#include "runtime/orchestrator/llm.h"

namespace elm {
namespace {

constexpr const char* kWords[] = {
    "the",   "message", "from",  "Anna",    "says",   "that",    "we",     "meet",   "at",
    "seven", "in",      "front", "of",      "old",    "library", "and",    "bring",  "two",
    "small", "boxes",   "with",  "letters", "which",  "nobody",  "opened", "since",  "last",
    "June",  "because", "rain",  "fell",    "every",  "evening", "while",  "trains", "were",
    "late",  "again",   "so",    "please",  "answer", "before",  "noon",   "or",     "call"};

}  // namespace

std::string MakeCalibrationWords(uint32_t words) {
  std::string text;
  // Knuth's multiplicative hash: irregular, and the same everywhere.
  for (uint32_t i = 0; i < words; ++i) {
    if (i > 0) text += ' ';
    text += kWords[(i + 1) * 2654435761U % 4294967291U % std::size(kWords)];
  }
  return text;
}

CalibrationText MakeCalibrationText(const Tokenizer& tokenizer, uint32_t tokens) {
  CalibrationText result;
  result.question = "when and where do we meet, and what should I bring?";
  const LlmTokenCounter counter(tokenizer, {});
  // Every word has at least one token.
  result.text = MakeCalibrationWords(tokens);
  result.ids = tokenizer.Encode(result.text);
  result.ends = counter.TokenEnds(result.text);
  result.ids.resize(tokens, 0);
  result.ends.resize(tokens, static_cast<uint32_t>(result.text.size()));
  return result;
}

}  // namespace elm
