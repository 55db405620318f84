// Labelled compression pairs, the other thing that a score-head may learn from: a text and what a
// better compressor made of it (MeetingBank compressed by GPT-4, as LLMLingua-2 was trained on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/status.h"

namespace elm {

struct CompressionPair {
  std::string question;  // may be empty
  std::string text;
  std::vector<float> keep;  // per word of `text` (runs without blanks): 1 kept, 0 dropped
};

// Which words of `text` its compression kept: both are walked side by side, each word of
// `compressed` is looked for among the next `window` words of the text behind the last one found.
// Words are compared without case and without punctuation at their ends. A compressed word that is
// not found says nothing. (LLMLingua-2, Pan et al. 2024, section 3.2, has the same sliding window.)
std::vector<float> AlignCompression(std::string_view text, std::string_view compressed,
                                    uint32_t window = 150);

// JSON Lines or one JSON list of objects with "origin" (or "text", "prompt") and "compressed" (or
// "compressed_prompt"), each a text or a list of texts that belong together in turn, and perhaps a
// "question". Fails with "file:line: " and the field.
Result<std::vector<CompressionPair>> ReadCompressionPairs(const std::string& path);

}  // namespace elm
