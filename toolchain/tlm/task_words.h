// The words of a task's context, and which of the LLM's tokens each of them became.
//
// Scores are kept per word: a tiny model's pieces and the LLM's tokens differ, words are what both
// share, and what is kept or dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task.h"

namespace elm {

// Number of words (SplitWords) of all parts of the context together.
size_t CountContextWords(const Task& task);

inline constexpr uint32_t kNoWord = UINT32_MAX;

// What a token appends to a text, as Tokenizer::Piece().
using TokenPiece = std::function<std::string(uint32_t id)>;

// For each of `ids` (of PromptText(task), with or without BOS in front) the word of the context
// that its first byte belongs to, counted over all parts, or kNoWord for blanks, line ends and all
// that is no context. Blanks are not compared, so that a tokenizer may add and collapse them.
// Throws elm::Error that names the task when the tokens say something else than the prompt, as
// those of a normalising tokenizer do.
std::vector<uint32_t> WordsOfTokens(const Task& task, std::span<const uint32_t> ids,
                                    const TokenPiece& piece);

// The task with only the words of its context whose place in `kept` is not 0 (one place for every
// word over all parts), joined by blanks as datasets/word_dropping.h does.
Task KeepContextWords(const Task& task, std::span<const uint8_t> kept);

// Marks the `count` words with the highest scores, at most as many as there are; of equal ones the
// earlier. O(words).
std::vector<uint8_t> HighestWords(std::span<const float> scores, size_t count);

}  // namespace elm
